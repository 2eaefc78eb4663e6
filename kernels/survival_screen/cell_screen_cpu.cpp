#include <omp.h>

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/survival_screen/carriers.h"
#include "kernels/survival_screen/newton_rule.h"
#include "kernels/survival_screen/normal_equations.h"
#include "kernels/survival_screen/screen_cpu.h"

namespace engram::kernels {
namespace {

constexpr int kParameters = 3;  // g, treatment, product
constexpr int kCells = 4;       // cell 2 t + g: treated t, carrier g

dim_t padded(dim_t count) {
  return (count + kLanes8d - 1) / kLanes8d * kLanes8d;
}

/// Where things lie in the workspace: shared term weights and totals a cell pair, then for each thread the four cells
/// of its gene and its counts by group.
struct Layout {
  explicit Layout(const RiskSetView& risk) : terms(padded(risk.terms)), groups(risk.groups + 1) {}
  dim_t shared() const { return 3 * terms; }
  dim_t per_thread() const { return kCells * terms + 4 * groups; }
  dim_t terms, groups;
};

/// What a model at one parameter vector gives.
struct Evaluation {
  double loglik;
  double gradient[kParameters];
  double information[kParameters * kParameters];
  double magnitude[kParameters];  // see factor_information
};

/// Bits of the parameters that are estimable, from the factored information.
ENGRAM_ALWAYS_INLINE unsigned estimable_parameters(const double* factor) {
  unsigned bits = 0;
  for (int a = 0; a < kParameters; ++a) bits |= unsigned(factor[a * kParameters + a] != 0) << a;
  return bits;
}

/// Deaths of a gene: sum of weight times (g, treatment, product).
struct Deaths {
  double x[kParameters];
};

/// Fills `cell[t]` (patients at risk less fraction times deaths, per term) of one gene's carriers; `by_group` is
/// scratch of 4 * groups: at risk and died, untreated and treated. Returns the carriers' deaths.
ENGRAM_ALWAYS_INLINE Deaths count_carriers(const CellScreenArgs& args, dim_t gene, const Layout& layout,
                                           double* by_group, double* const* cell) {
  std::fill(by_group, by_group + 4 * layout.groups, 0.0);
  Deaths deaths = {};
  for_each_carrier(
      args.genes, gene, [&](dim_t i) __attribute__((always_inline)) {
        const dim_t arm = args.treatment[i], group = args.risk.first_group[i];
        by_group[arm * layout.groups + group] += args.theta[i];
        if (args.risk.event[i]) {
          by_group[(2 + arm) * layout.groups + group] += args.theta[i];
          deaths.x[0] += args.risk.weight[i];
          if (arm) deaths.x[2] += args.risk.weight[i];
        }
      });
  for (int arm = 0; arm < 2; ++arm) {
    const double *joined = by_group + arm * layout.groups, *died = by_group + (2 + arm) * layout.groups;
    double at_risk = 0;
    for (dim_t g = 0; g < args.risk.groups; ++g) {
      at_risk += joined[g];
      for (dim_t t = args.risk.group_terms[g]; t < args.risk.group_terms[g + 1]; ++t) {
        cell[arm][t] = at_risk - args.risk.term_fraction[t] * died[g];
      }
    }
  }
  return deaths;
}

/// Log-likelihood without the deaths' own part, and derivatives, over all terms. cells: [4, terms].
ENGRAM_ALWAYS_INLINE void sum_terms(const double* weights, const double* cells, dim_t terms, const double* beta,
                                    double offset_loglik, const Deaths& deaths, Evaluation& out) {
  const double ratio_g = std::exp(beta[0]), ratio_t = std::exp(beta[1]),
               ratio_gt = std::exp(beta[0] + beta[1] + beta[2]);
  Vec8d log_sum = {}, mean[3] = {}, second[6] = {};
  for (dim_t k = 0; k < terms; k += kLanes8d) {
    const Vec8d w = load8d(weights + k);
    const Vec8d g = load8d(cells + 1 * terms + k) * ratio_g, t = load8d(cells + 2 * terms + k) * ratio_t,
                gt = load8d(cells + 3 * terms + k) * ratio_gt;
    const Vec8d total = load8d(cells + k) + g + t + gt, inverse = 1. / total;
    const Vec8d m_g = (g + gt) * inverse, m_t = (t + gt) * inverse, m_gt = gt * inverse;
    log_sum += w * log8d(total);
    mean[0] += w * m_g;
    mean[1] += w * m_t;
    mean[2] += w * m_gt;
    second[0] += w * (m_g - m_g * m_g);
    second[1] += w * (m_gt - m_g * m_t);
    second[2] += w * (m_t - m_t * m_t);
    second[3] += w * (m_gt - m_g * m_gt);
    second[4] += w * (m_gt - m_t * m_gt);
    second[5] += w * (m_gt - m_gt * m_gt);
  }
  out.loglik = offset_loglik - sum_lanes8d(log_sum);
  for (int a = 0; a < kParameters; ++a) {
    out.loglik += deaths.x[a] * beta[a];
    out.magnitude[a] = sum_lanes8d(mean[a]);
    out.gradient[a] = deaths.x[a] - out.magnitude[a];
    for (int b = 0; b <= a; ++b) out.information[a * kParameters + b] = sum_lanes8d(second[a * (a + 1) / 2 + b]);
  }
}

/// Takes the parameters that are not free out of the equations.
ENGRAM_ALWAYS_INLINE void fix_parameters(unsigned free, Evaluation& e) {
  for (int a = 0; a < kParameters; ++a) {
    if (free >> a & 1) continue;
    e.gradient[a] = 0;
    for (int b = 0; b < kParameters; ++b) e.information[std::max(a, b) * kParameters + std::min(a, b)] = 0;
  }
}

/// Newton's method for one gene.
ENGRAM_ALWAYS_INLINE CellFit fit_gene(const CellScreenArgs& args, const double* weights, const double* cells,
                                      dim_t terms, const Deaths& deaths, const double* start) {
  CellFit fit = {};
  double beta[kParameters], step[kParameters] = {};
  for (int a = 0; a < kParameters; ++a) beta[a] = start ? start[a] : 0;
  NewtonLane newton;
  Evaluation now;
  for (double taken = 0;;) {
    double trial[kParameters];
    for (int a = 0; a < kParameters; ++a) trial[a] = beta[a] + taken * step[a];
    sum_terms(weights, cells, terms, trial, args.offset_sum, deaths, now);
    if (newton.accepts(now.loglik)) {
      fix_parameters(args.free, now);
      factor_information(now.information, now.magnitude, kParameters, kParameters);
      if (newton.at_start()) fit.estimable = estimable_parameters(now.information);
      if (fit.estimable & ~estimable_parameters(now.information)) {
        newton.lose();
      } else {
        std::copy_n(trial, kParameters, beta);
        const double decrement = solve_step(now.information, kParameters, kParameters, now.gradient, step);
        double longest = 0;
        for (const double s : step) longest = std::max(longest, std::abs(s));
        newton.accept(now.loglik, decrement, longest, args.rule);
      }
    } else {
      newton.reject();
    }
    if (newton.done()) break;
    taken = newton.step_share();
  }
  if (newton.failed()) {  // the last information is that of a rejected trial
    sum_terms(weights, cells, terms, beta, args.offset_sum, deaths, now);
    fix_parameters(args.free, now);
    factor_information(now.information, now.magnitude, kParameters, kParameters);
  }
  // The last step is known and costs nothing: after it the error is of the order of the decrement.
  for (int a = 0; a < kParameters && newton.status() == NewtonStatus::kConverged; ++a) beta[a] += step[a];
  double scratch[kParameters];
  standard_errors(now.information, kParameters, kParameters, scratch, fit.se);
  std::copy_n(beta, kParameters, fit.coef);
  fit.start_loglik = newton.start_loglik();
  fit.loglik = newton.loglik();
  fit.score = newton.score();
  fit.iterations = newton.iterations();
  fit.status = newton.status();
  return fit;
}

ENGRAM_MULTIVERSION void fit_genes(const CellScreenArgs& args, const Layout& layout, const double* shared, double* own,
                                   const Deaths& all_deaths, dim_t begin, dim_t end) {
  const double *weights = shared, *totals = shared + layout.terms;
  double *cells = own, *by_group = own + kCells * layout.terms;
  double* const carriers[2] = {cells + 1 * layout.terms, cells + 3 * layout.terms};
  for (dim_t j = begin; j < end; ++j) {
    Deaths deaths = count_carriers(args, j, layout, by_group, carriers);
    deaths.x[1] = all_deaths.x[1];
    for (int arm = 0; arm < 2; ++arm) {
      for (dim_t t = 0; t < layout.terms; ++t) {
        // Where all are carriers the difference may be a rounding error below 0.
        const double others = totals[arm * layout.terms + t] - carriers[arm][t];
        cells[2 * arm * layout.terms + t] = others > 0 ? others : 0;
      }
    }
    args.fits[j] =
        fit_gene(args, weights, cells, layout.terms, deaths, args.start ? args.start + kParameters * j : nullptr);
  }
}

/// Term weights, and the patients at risk in each arm, at every term; lanes beyond the last have weight 0.
void fill_shared(const CellScreenArgs& args, const Layout& layout, double* shared, Deaths& deaths) {
  std::fill(shared, shared + layout.shared(), 0.0);
  std::copy_n(args.risk.term_weight, args.risk.terms, shared);
  double* totals[2] = {shared + layout.terms, shared + 2 * layout.terms};
  double at_risk[2] = {0, 0};
  for (dim_t g = 0, i = 0; g < args.risk.groups; ++g) {
    double died[2] = {0, 0};
    for (; i < args.risk.group_end[g]; ++i) {
      at_risk[args.treatment[i]] += args.theta[i];
      if (!args.risk.event[i]) continue;
      died[args.treatment[i]] += args.theta[i];
      if (args.treatment[i]) deaths.x[1] += args.risk.weight[i];
    }
    for (dim_t t = args.risk.group_terms[g]; t < args.risk.group_terms[g + 1]; ++t) {
      for (int arm = 0; arm < 2; ++arm) totals[arm][t] = at_risk[arm] - args.risk.term_fraction[t] * died[arm];
    }
  }
  std::fill(totals[0] + args.risk.terms, totals[0] + layout.terms, 1.0);
}

}  // namespace

dim_t cell_screen_workspace(const RiskSetView& risk) {
  const Layout layout(risk);
  return layout.shared() + omp_get_max_threads() * layout.per_thread();
}

void cell_screen_cpu(Stream, const CellScreenArgs& args) {
  const Layout layout(args.risk);
  Deaths deaths = {};
  fill_shared(args, layout, args.workspace, deaths);
  double* const own = args.workspace + layout.shared();
  for (int thread = 0; thread < omp_get_max_threads(); ++thread) {
    // Carriers' cells beyond the last term stay empty.
    std::fill_n(own + thread * layout.per_thread(), layout.per_thread(), 0.0);
  }
  constexpr dim_t kGenes = 4;
  parallel_for((args.genes.genes + kGenes - 1) / kGenes, kGenes * kCells * layout.terms, [&](dim_t block) {
    fit_genes(args, layout, args.workspace, own + omp_get_thread_num() * layout.per_thread(), deaths, block * kGenes,
              std::min(args.genes.genes, (block + 1) * kGenes));
  });
}

}  // namespace engram::kernels
