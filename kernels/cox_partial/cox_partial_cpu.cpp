#include <algorithm>
#include <limits>

#include "kernels/common/vec_math_f64.h"
#include "kernels/cox_partial/cox_partial.h"
#include "kernels/cox_partial/risk_sweep.h"
#include "kernels/weighted_gram/gram_tile.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::kernels {
namespace {

/// Risk-set means that are collected before they enter the Gram matrix together.
constexpr dim_t kMeanRows = 64;

/// Sum of weight * log(value), eight logarithms at a time.
class LogSum {
 public:
  ENGRAM_ALWAYS_INLINE void add(double weight, double value) {
    weights_[count_] = weight;
    values_[count_] = value;
    if (++count_ == 8) flush();
  }
  ENGRAM_ALWAYS_INLINE double total() {
    for (int i = count_; i < 8; ++i) weights_[i] = 0, values_[i] = 1;
    flush();
    return sum_lanes8d(sum_);
  }

 private:
  ENGRAM_ALWAYS_INLINE void flush() {
    sum_ += load8d(weights_) * log8d(load8d(values_));
    count_ = 0;
  }

  double weights_[8], values_[8];
  int count_ = 0;
  Vec8d sum_ = {};
};

/// Largest x of the rows that have a weight; minus infinity if none has.
ENGRAM_ALWAYS_INLINE double max_of(const double* x, const double* weight, dim_t count) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  Vec8d lanes = broadcast8d(kNone);
  dim_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const Vec8d v = load8d(weight + i) > 0. ? load8d(x + i) : broadcast8d(kNone);
    lanes = v > lanes ? v : lanes;
  }
  double best = kNone;
  for (int k = 0; k < 8; ++k) best = std::max(best, lanes[k]);
  for (; i < count; ++i)
    if (weight[i] > 0) best = std::max(best, x[i]);
  return best;
}

/// theta = weight exp(eta - shift); 0 for a row without weight, however large its eta.
ENGRAM_ALWAYS_INLINE void relative_risks(const double* eta, const double* weight, double shift, dim_t count,
                                         double* theta) {
  const auto relative_risk = [shift](Vec8d x) {
    const Vec8d y = x - shift;
    return exp8d(y > 0. ? Vec8d{} : y);  // above 0 without a weight only
  };
  dim_t i = 0;
  for (; i + 8 <= count; i += 8) store8d(theta + i, load8d(weight + i) * relative_risk(load8d(eta + i)));
  const dim_t rest = count - i;
  if (rest == 0) return;
  const Vec8d e = relative_risk(load_partial8d(eta + i, rest, shift));
  store_partial8d(theta + i, load_partial8d(weight + i, rest, 0) * e, rest);
}

/// Sums and value of the groups [first, last) of one stratum, latest time first.
ENGRAM_ALWAYS_INLINE double sum_groups(const CoxLikelihoodArgs& args, dim_t first, dim_t last, double shift,
                                       LogSum& logs) {
  const CoxRiskSets& sets = args.sets;
  double events = 0, s0 = 0;
  for (dim_t k = first; k < last; ++k) {
    const CoxTieGroup& group = sets.groups[k];
    const RiskSetStep step = risk_set_step(sets, k, first);
    for (dim_t i = step.row_begin; i < group.risk_end; ++i) s0 += args.theta[i];
    for (dim_t i = step.entry_begin; i < group.entry_end; ++i) s0 -= args.theta[sets.entry_order[i]];
    CoxGroupSums sums{.shift = shift, .s0 = s0};
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
      sums.a0 += args.theta[i];
      sums.death_weight += sets.weight[i];
      events += sets.weight[i] * (args.eta[i] - shift);
    }
    if (args.ties == CoxTies::kBreslow || group.deaths == 1) {
      logs.add(sums.death_weight, s0);
      sums.hazard = sums.death_hazard = sums.death_weight / s0;
    } else {
      const double share = sums.death_weight / group.deaths;
      for (std::int32_t l = 0; l < group.deaths; ++l) {
        const double fraction = double(l) / group.deaths, phi = s0 - fraction * sums.a0;
        logs.add(share, phi);
        sums.hazard += share / phi;
        sums.death_hazard += (1 - fraction) * share / phi;
      }
    }
    args.groups[k] = sums;
  }
  return events;
}

/// Cumulative hazards from the earliest group up: exposure and residual of the stratum's rows.
ENGRAM_ALWAYS_INLINE void expose_rows(const CoxLikelihoodArgs& args, dim_t first, dim_t last) {
  const CoxRiskSets& sets = args.sets;
  double hazard = 0;
  for (dim_t k = last; k-- > first;) {
    const CoxTieGroup& group = sets.groups[k];
    const RiskSetStep step = risk_set_step(sets, k, first);
    hazard += args.groups[k].hazard;
    // A row that enters between this event time and the next later one has missed the hazard so far; its own time comes
    // at a later group, so that its exposure is still that of the start.
    for (dim_t i = step.entry_begin; i < group.entry_end; ++i) args.exposure[sets.entry_order[i]] = -hazard;
    for (dim_t i = step.row_begin; i < group.risk_end; ++i) args.exposure[i] += hazard;
    const double own = args.groups[k].death_hazard - args.groups[k].hazard;
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) args.exposure[i] += own;
  }
}

ENGRAM_MULTIVERSION void likelihood_rows(const CoxLikelihoodArgs& args) {
  const CoxRiskSets& sets = args.sets;
  const bool derivative = args.residual != nullptr;
  if (derivative) std::fill(args.exposure, args.exposure + sets.rows, 0.);
  LogSum logs;
  double events = 0;
  dim_t done = 0;
  for (dim_t first = 0; first < sets.num_groups;) {
    const dim_t last = stratum_end(sets, first);
    const dim_t begin = sets.groups[first].stratum_begin, end = sets.groups[last - 1].risk_end;
    std::fill(args.theta + done, args.theta + begin, 0.);
    done = end;
    const double shift = max_of(args.eta + begin, sets.weight + begin, end - begin);
    relative_risks(args.eta + begin, sets.weight + begin, shift, end - begin, args.theta + begin);
    events += sum_groups(args, first, last, shift, logs);
    if (derivative) expose_rows(args, first, last);
    first = last;
  }
  std::fill(args.theta + done, args.theta + sets.rows, 0.);
  *args.loglik = events - logs.total();
  if (!derivative) return;
  for (dim_t i = 0; i < sets.rows; ++i) {
    args.exposure[i] *= args.theta[i];
    args.residual[i] = sets.weight[i] * double(sets.event[i]) - args.exposure[i];
  }
}

void likelihood(Stream, const CoxLikelihoodArgs& args) {
  likelihood_rows(args);
}

/// W/n sum over l of 1/phi_l^2, or of (1 - l/n)^2/phi_l^2 for a death of the group itself.
struct SquaredHazard {
  double all = 0, death = 0;
};

SquaredHazard squared_hazard(const CoxCurvatureArgs& args, dim_t k) {
  const CoxGroupSums& sums = args.groups[k];
  const std::int32_t terms = args.ties == CoxTies::kBreslow ? 1 : args.sets.groups[k].deaths;
  const double share = sums.death_weight / terms;
  SquaredHazard total;
  for (std::int32_t l = 0; l < terms; ++l) {
    const double fraction = double(l) / terms, phi = sums.s0 - fraction * sums.a0;
    total.all += share / (phi * phi);
    total.death += (1 - fraction) * (1 - fraction) * share / (phi * phi);
  }
  return total;
}

void curvature(Stream, const CoxCurvatureArgs& args) {
  const CoxRiskSets& sets = args.sets;
  std::fill(args.curvature, args.curvature + sets.rows, 0.);
  for (dim_t first = 0; first < sets.num_groups;) {
    const dim_t last = stratum_end(sets, first);
    double hazard = 0;
    for (dim_t k = last; k-- > first;) {
      const CoxTieGroup& group = sets.groups[k];
      const RiskSetStep step = risk_set_step(sets, k, first);
      const SquaredHazard here = squared_hazard(args, k);
      hazard += here.all;
      for (dim_t i = step.entry_begin; i < group.entry_end; ++i) args.curvature[sets.entry_order[i]] = -hazard;
      for (dim_t i = step.row_begin; i < group.risk_end; ++i) args.curvature[i] += hazard;
      for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
        args.curvature[i] += here.death - here.all;
      }
    }
    first = last;
  }
  for (dim_t i = 0; i < sets.rows; ++i) {
    // Zero where a row is alone in every risk set; the difference may fall below it by rounding.
    args.curvature[i] = std::max(0., args.exposure[i] - args.theta[i] * args.theta[i] * args.curvature[i]);
  }
}

ENGRAM_ALWAYS_INLINE void add_row(double* sum, const double* x, double factor, dim_t stride) {
  for (dim_t j = 0; j < stride; j += 8) store8d(sum + j, load8d(sum + j) + load8d(x + j) * factor);
}

ENGRAM_ALWAYS_INLINE void clear(double* x, dim_t stride) {
  for (dim_t j = 0; j < stride; j += 8) store8d(x + j, Vec8d{});
}

/// Risk-set means gathered into small panels whose Gram matrix is subtracted from the information.
struct MeanPanel {
  double *rows, *weight, *out;
  dim_t stride, count = 0;

  /// Adds (s1 - fraction a1) / phi; `a1` is not read at fraction 0.
  ENGRAM_ALWAYS_INLINE void add(const double* s1, const double* a1, double fraction, double phi, double share) {
    double* mean = rows + count * stride;
    const double scale = 1 / phi;
    if (fraction == 0) {
      for (dim_t j = 0; j < stride; j += 8) store8d(mean + j, load8d(s1 + j) * scale);
    } else {
      for (dim_t j = 0; j < stride; j += 8) {
        store8d(mean + j, (load8d(s1 + j) - load8d(a1 + j) * fraction) * scale);
      }
    }
    weight[count] = -share;
    if (++count == kMeanRows) flush();
  }
  ENGRAM_ALWAYS_INLINE void flush() {
    gram_tiles(rows, count, stride, weight, out, true);
    count = 0;
  }
};

ENGRAM_MULTIVERSION void subtract_means(const CoxInformationArgs& args) {
  const CoxRiskSets& sets = args.sets;
  const dim_t stride = args.stride;
  double *s1 = args.workspace, *a1 = s1 + stride;
  MeanPanel means{
      .rows = a1 + stride, .weight = a1 + stride + kMeanRows * stride, .out = args.information, .stride = stride};
  for (dim_t first = 0; first < sets.num_groups;) {
    const dim_t last = stratum_end(sets, first);
    clear(s1, stride);
    for (dim_t k = first; k < last; ++k) {
      const CoxTieGroup& group = sets.groups[k];
      const RiskSetStep step = risk_set_step(sets, k, first);
      for (dim_t i = step.row_begin; i < group.risk_end; ++i) {
        add_row(s1, args.panel + i * stride, args.theta[i], stride);
      }
      for (dim_t i = step.entry_begin; i < group.entry_end; ++i) {
        const dim_t row = sets.entry_order[i];
        add_row(s1, args.panel + row * stride, -args.theta[row], stride);
      }
      const CoxGroupSums& sums = args.groups[k];
      if (args.ties == CoxTies::kBreslow || group.deaths == 1) {
        means.add(s1, a1, 0, sums.s0, sums.death_weight);
        continue;
      }
      clear(a1, stride);
      for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
        add_row(a1, args.panel + i * stride, args.theta[i], stride);
      }
      for (std::int32_t l = 0; l < group.deaths; ++l) {
        const double fraction = double(l) / group.deaths;
        means.add(s1, a1, fraction, sums.s0 - fraction * sums.a0, sums.death_weight / group.deaths);
      }
    }
    first = last;
  }
  means.flush();
}

void information(Stream stream, const CoxInformationArgs& args) {
  WeightedGramArgs gram{.panel = args.panel,
                        .rows = args.sets.rows,
                        .stride = args.stride,
                        .weight = args.exposure,
                        .out = args.information,
                        .accumulate = false,
                        .mirror = false};
  kCpuWeightedGram.gram(stream, gram);
  for (dim_t j = 0; j < args.stride; ++j) args.magnitude[j] = args.information[j * args.stride + j];
  subtract_means(args);
  gram.rows = 0;
  gram.accumulate = gram.mirror = true;
  kCpuWeightedGram.gram(stream, gram);
}

}  // namespace

dim_t cox_information_workspace(dim_t stride) {
  return (2 + kMeanRows) * stride + kMeanRows;
}

const CoxPartialKernels kCpuCoxPartial = {
    .likelihood = likelihood,
    .curvature = curvature,
    .information = information,
    .score_residuals = cox_score_residuals_cpu,
    .firth = cox_firth_cpu,
};

}  // namespace engram::kernels
