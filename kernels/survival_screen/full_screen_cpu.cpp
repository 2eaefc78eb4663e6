/// Fits of full models to every gene on the CPU.
///
/// Their story: sums of four lanes at a time halved the instructions without AVX-512, with the same bits (commit
/// e5d527b).

#include <omp.h>

#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/survival_screen/gene_lanes.h"
#include "kernels/survival_screen/newton_rule.h"
#include "kernels/survival_screen/normal_equations.h"
#include "kernels/survival_screen/screen_cpu.h"

namespace engram::kernels {
namespace {

constexpr dim_t kMaxParameters = kMaxFullCovariates + 2;

/// Chunk of rows whose outer products are added to the information at a time.
constexpr dim_t kChunk = 32;

/// Where things lie in the workspace, in doubles: shared rows of covariates; for each thread theta, lane masks, sums by
/// group, two chunks of rows and the information.
struct ScreenLayout {
  ScreenLayout(const RiskSetView& risk, dim_t coefficients)
      : patients(risk.patients), groups(risk.groups), parameters(coefficients), stride((coefficients + 1) / 2 * 2) {}
  dim_t shared() const { return (patients * parameters + 7) / 8 * 8; }
  dim_t masks() const { return (patients + 7) / 8 * 8; }
  dim_t per_thread() const {
    return masks() + kLanes8d * (patients + 2 * groups + 2 * kChunk * stride + parameters * stride);
  }
  dim_t patients, groups, parameters, stride;
};

/// Eight genes at work: views into a thread's part of the workspace.
struct Block {
  Block(const ScreenLayout& layout, double* memory)
      : masks(reinterpret_cast<std::uint8_t*>(memory)),
        theta(reinterpret_cast<Vec8d*>(memory + layout.masks())),
        increment(theta + layout.patients),
        own(increment + layout.groups),
        left(own + layout.groups),
        right(left + kChunk * layout.stride),
        information(right + kChunk * layout.stride) {}
  std::uint8_t* masks;     // [patients] bit k: gene k altered
  Vec8d* theta;            // [patients]
  Vec8d *increment, *own;  // [groups]
  Vec8d *left, *right;     // [kChunk, stride]
  Vec8d* information;      // [parameters, stride]
};

/// Log-likelihood and gradient of eight genes at their parameters.
struct Evaluation {
  Vec8d loglik;
  Vec8d gradient[kMaxParameters];
  Vec8d magnitude[kMaxParameters];  // see factor_information
};

ENGRAM_ALWAYS_INLINE void clear(Vec8d* values, dim_t count) {
  for (dim_t i = 0; i < count; ++i) values[i] = Vec8d{};
}

/// information[a][b] += sum over `count` rows of left[a] right[b] for the rows a of one tile and the columns b up to
/// its last row. Four lanes at a time: the eight sums of a tile then stay in registers without AVX-512, too.
template <int kRows>
ENGRAM_ALWAYS_INLINE void add_tile(const Block& block, dim_t stride, dim_t count, dim_t first) {
  constexpr int kHalf = kLanes8d / 2;
  const dim_t row = stride * kLanes8d;
  for (dim_t b = 0; b < first + kRows; b += 2) {
    for (int half = 0; half < kLanes8d; half += kHalf) {
      double* const out = reinterpret_cast<double*>(block.information + first * stride + b) + half;
      Vec4d sum[kRows][2];
      for (int r = 0; r < kRows; ++r) {
        sum[r][0] = load4d(out + r * row);
        sum[r][1] = load4d(out + r * row + kLanes8d);
      }
      const double* left = reinterpret_cast<const double*>(block.left + first) + half;
      const double* right = reinterpret_cast<const double*>(block.right + b) + half;
      for (dim_t i = 0; i < count; ++i, left += row, right += row) {
        const Vec4d x = load4d(right), y = load4d(right + kLanes8d);
        for (int r = 0; r < kRows; ++r) {
          sum[r][0] += load4d(left + r * kLanes8d) * x;
          sum[r][1] += load4d(left + r * kLanes8d) * y;
        }
      }
      for (int r = 0; r < kRows; ++r) {
        store4d(out + r * row, sum[r][0]);
        store4d(out + r * row + kLanes8d, sum[r][1]);
      }
    }
  }
}

/// Adds the outer products of the chunk's rows (lower triangle; what lies above it is not used).
ENGRAM_ALWAYS_INLINE void add_chunk(const Block& block, const ScreenLayout& layout, dim_t count) {
  dim_t a = 0;
  for (; a + 4 <= layout.parameters; a += 4) add_tile<4>(block, layout.stride, count, a);
  switch (layout.parameters - a) {
    case 3:
      add_tile<3>(block, layout.stride, count, a);
      break;
    case 2:
      add_tile<2>(block, layout.stride, count, a);
      break;
    case 1:
      add_tile<1>(block, layout.stride, count, a);
      break;
    default:
      break;
  }
}

/// The patient's values of g and g x treatment, for eight genes.
struct GeneValues {
  ENGRAM_ALWAYS_INLINE GeneValues(const FullScreenArgs& args, const Block& block, dim_t i) {
    if (args.gene_terms == 0) return;
    const Vec8d g = lanes_of_mask(block.masks[i]);
    value[0] = g;
    value[1] = args.treatment[i] ? g : Vec8d{};
  }
  Vec8d value[2] = {};
};

/// Sums over the risk sets, late to early: likelihood, gradient, the second part of the information (less the mean's
/// outer products), and each group's hazard increment.
ENGRAM_ALWAYS_INLINE void sweep_forward(const FullScreenArgs& args, const ScreenLayout& layout, const double* rows,
                                        const Vec8d* beta, const Block& block, Evaluation& out) {
  const RiskSetView& risk = args.risk;
  const dim_t p = layout.parameters, q = args.num_covariates, terms = args.gene_terms, stride = layout.stride;
  Vec8d s0 = {}, s1[kMaxParameters] = {}, a1[kMaxParameters];
  out.loglik = Vec8d{};
  clear(out.gradient, p);
  dim_t filled = 0;
  for (dim_t g = 0, i = 0; g < risk.groups; ++g) {
    const bool tied = risk.group_terms[g + 1] - risk.group_terms[g] > 1;
    Vec8d a0 = {};
    clear(a1, p);
    for (; i < risk.group_end[g]; ++i) {
      const double* z = rows + i * q;
      const GeneValues gene(args, block, i);
      Vec8d eta = Vec8d{} + (args.offset ? args.offset[i] : 0.);
      for (dim_t k = 0; k < q; ++k) eta += beta[k] * z[k];
      for (dim_t a = 0; a < terms; ++a) eta += gene.value[a] * beta[q + a];
      const Vec8d theta = exp8d(eta) * risk.weight[i];
      block.theta[i] = theta;
      s0 += theta;
      for (dim_t a = 0; a < terms; ++a) s1[q + a] += gene.value[a] * theta;
      for (dim_t k = 0; k < q; ++k) s1[k] += theta * z[k];
      if (!risk.event[i]) continue;
      out.loglik += eta * risk.weight[i];
      for (dim_t a = 0; a < terms; ++a) out.gradient[q + a] += gene.value[a] * risk.weight[i];
      for (dim_t k = 0; k < q; ++k) out.gradient[k] += risk.weight[i] * z[k];
      if (!tied) continue;
      a0 += theta;
      for (dim_t a = 0; a < terms; ++a) a1[q + a] += gene.value[a] * theta;
      for (dim_t k = 0; k < q; ++k) a1[k] += theta * z[k];
    }
    block.increment[g] = Vec8d{};
    block.own[g] = Vec8d{};
    for (dim_t t = risk.group_terms[g]; t < risk.group_terms[g + 1]; ++t) {
      const double weight = risk.term_weight[t], fraction = risk.term_fraction[t];
      const Vec8d phi = s0 - a0 * fraction, inverse = 1. / phi;
      out.loglik -= log8d(phi) * weight;
      block.increment[g] += inverse * weight;
      block.own[g] += inverse * (weight * fraction);
      Vec8d *left = block.left + filled * stride, *right = block.right + filled * stride;
      for (dim_t a = 0; a < p; ++a) {
        const Vec8d mean = (s1[a] - a1[a] * fraction) * inverse;
        left[a] = mean;
        right[a] = mean * -weight;
        out.gradient[a] += right[a];
      }
      if (++filled == kChunk) {
        add_chunk(block, layout, filled);
        filled = 0;
      }
    }
  }
  add_chunk(block, layout, filled);
}

/// The first part of the information, sum of theta H x x', early to late: H are the increments at or before a patient's
/// time.
ENGRAM_ALWAYS_INLINE void sweep_backward(const FullScreenArgs& args, const ScreenLayout& layout, const double* rows,
                                         const Block& block, Evaluation& out) {
  const RiskSetView& risk = args.risk;
  clear(out.magnitude, layout.parameters);
  const dim_t q = args.num_covariates, terms = args.gene_terms, stride = layout.stride;
  Vec8d hazard = {};
  dim_t filled = 0;
  for (dim_t g = risk.groups - 1; g >= 0; --g) {
    hazard += block.increment[g];
    for (dim_t i = risk.group_end[g] - 1; i >= (g > 0 ? risk.group_end[g - 1] : 0); --i) {
      const Vec8d weight = block.theta[i] * (risk.event[i] ? hazard - block.own[g] : hazard);
      const GeneValues gene(args, block, i);
      const double* z = rows + i * q;
      Vec8d *left = block.left + filled * stride, *right = block.right + filled * stride;
      for (dim_t a = 0; a < terms; ++a) {
        left[q + a] = gene.value[a];
        right[q + a] = gene.value[a] * weight;
      }
      for (dim_t k = 0; k < q; ++k) {
        left[k] = Vec8d{} + z[k];
        right[k] = weight * z[k];
      }
      for (dim_t a = 0; a < layout.parameters; ++a) out.magnitude[a] += left[a] * right[a];
      if (++filled == kChunk) {
        add_chunk(block, layout, filled);
        filled = 0;
      }
    }
  }
  add_chunk(block, layout, filled);
}

ENGRAM_MULTIVERSION void evaluate(const FullScreenArgs& args, const ScreenLayout& layout, const double* rows,
                                  const Vec8d* beta, const Block& block, Evaluation& out) {
  clear(block.information, layout.parameters * layout.stride);
  sweep_forward(args, layout, rows, beta, block, out);
  sweep_backward(args, layout, rows, block, out);
}

/// Factors the information; step and decrement of eight genes.
ENGRAM_MULTIVERSION void solve(const ScreenLayout& layout, const Block& block, const Evaluation& at, Vec8d* step,
                               Vec8d& decrement) {
  factor_information(block.information, at.magnitude, layout.parameters, layout.stride);
  decrement = solve_step(block.information, layout.parameters, layout.stride, at.gradient, step);
}

ENGRAM_MULTIVERSION void errors_from_factor(const ScreenLayout& layout, const Block& block, Vec8d* se) {
  Vec8d column[kMaxParameters];
  standard_errors(block.information, layout.parameters, layout.stride, column, se);
}

/// Whether a parameter of the lane that was estimable at the start is no longer, in the factored information; keeps the
/// start's bits in `estimable`.
bool loses_parameter(const ScreenLayout& layout, const Block& block, int lane, bool at_start,
                     std::uint64_t* estimable) {
  static_assert(kMaxParameters <= 64);
  std::uint64_t now = 0;
  for (dim_t a = 0; a < layout.parameters; ++a) {
    now |= std::uint64_t{block.information[a * layout.stride + a][lane] != 0} << a;
  }
  if (at_start) estimable[lane] = now;
  return (estimable[lane] & ~now) != 0;
}

/// Newton's method for the genes listed[first] to listed[first + 7], one in each lane; a list's end is filled up with
/// its last gene. Lanes do not meet: each follows the path that it would follow alone.
void fit_block(const FullScreenArgs& args, const ScreenLayout& layout, const double* rows, double* memory,
               dim_t first) {
  const Block block(layout, memory);
  const dim_t p = layout.parameters, genes = std::min<dim_t>(kLanes8d, args.num_listed - first);
  if (args.gene_terms > 0) fill_masks(args.genes, args.listed + first, genes, block.masks);
  Vec8d beta[kMaxParameters] = {}, trial[kMaxParameters] = {}, step[kMaxParameters] = {};
  for (int lane = 0; lane < kLanes8d; ++lane) {
    const double* start = args.start ? args.start + (first + std::min<dim_t>(lane, genes - 1)) * p : nullptr;
    for (dim_t a = 0; a < p; ++a) beta[a][lane] = start ? start[a] : 0;
  }
  std::copy_n(beta, p, trial);
  NewtonLane newton[kLanes8d];
  std::uint64_t estimable[kLanes8d] = {};
  Evaluation now;
  bool failed = false;
  for (bool running = true; running;) {
    evaluate(args, layout, rows, trial, block, now);
    Vec8d next[kMaxParameters], decrement;
    solve(layout, block, now, next, decrement);
    running = false;
    for (int lane = 0; lane < kLanes8d; ++lane) {
      NewtonLane& state = newton[lane];
      if (!state.done() && !state.accepts(now.loglik[lane])) {
        state.reject();
      } else if (!state.done() && loses_parameter(layout, block, lane, state.at_start(), estimable)) {
        state.lose();
      } else if (!state.done()) {
        double longest = 0;
        for (dim_t a = 0; a < p; ++a) {
          beta[a][lane] = trial[a][lane];
          step[a][lane] = next[a][lane];
          if (a >= args.num_covariates) longest = std::max(longest, std::abs(next[a][lane]));
        }
        state.accept(now.loglik[lane], decrement[lane], longest, args.rule);
      }
      failed |= state.failed();
      const double share = state.done() ? 0 : state.step_share();
      for (dim_t a = 0; a < p; ++a) trial[a][lane] = share > 0 ? beta[a][lane] + share * step[a][lane] : beta[a][lane];
      running |= !state.done();
    }
  }
  if (failed) {  // the last information of such lanes is that of a rejected trial
    evaluate(args, layout, rows, beta, block, now);
    Vec8d unused[kMaxParameters], decrement;
    solve(layout, block, now, unused, decrement);
  }
  Vec8d se[kMaxParameters];
  errors_from_factor(layout, block, se);
  for (int lane = 0; lane < genes; ++lane) {
    const NewtonLane& state = newton[lane];
    // The last step is known and costs nothing: after it the error is of the order of the decrement.
    const double last_step = state.status() == NewtonStatus::kConverged ? 1 : 0;
    for (dim_t a = 0; a < p; ++a) {
      args.coef[(first + lane) * p + a] = beta[a][lane] + last_step * step[a][lane];
      args.se[(first + lane) * p + a] = se[a][lane];
    }
    args.fits[first + lane] = {.start_loglik = state.start_loglik(),
                               .loglik = state.loglik(),
                               .score = state.score(),
                               .iterations = state.iterations(),
                               .status = state.status()};
  }
}

}  // namespace

dim_t full_screen_workspace_cpu(const RiskSetView& risk, dim_t coefficients) {
  const ScreenLayout layout(risk, coefficients);
  return layout.shared() + omp_get_max_threads() * layout.per_thread() + kLanes8d;
}

void full_screen_cpu(Stream, const FullScreenArgs& args) {
  const ScreenLayout layout(args.risk, args.gene_terms + args.num_covariates);
  // Lanes lie at multiples of their size.
  const auto address = reinterpret_cast<std::uintptr_t>(args.workspace);
  double* const rows = args.workspace + (sizeof(Vec8d) - address % sizeof(Vec8d)) % sizeof(Vec8d) / sizeof(double);
  for (dim_t i = 0; i < args.risk.patients; ++i) {
    for (dim_t k = 0; k < args.num_covariates; ++k) {
      rows[i * args.num_covariates + k] = args.covariates[k * args.risk.patients + i];
    }
  }
  double* const own = rows + layout.shared();
  std::fill_n(own, omp_get_max_threads() * layout.per_thread(), 0.0);  // the chunks' last column stays 0
  const dim_t work = args.risk.patients * layout.parameters * layout.parameters;
  parallel_for((args.num_listed + kLanes8d - 1) / kLanes8d, work, [&](dim_t block) {
    fit_block(args, layout, rows, own + omp_get_thread_num() * layout.per_thread(), block * kLanes8d);
  });
}

}  // namespace engram::kernels
