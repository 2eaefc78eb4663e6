#include <algorithm>
#include <cmath>

#include "kernels/cox_partial/risk_sweep.h"

namespace engram::kernels {
namespace {

/// Sums over l of one tie group: mean is sum m_l / n, rate is (W/n) sum m_l / phi_l, death_rate that times (1 - l/n).
struct GroupVectors {
  double *mean, *rate, *death_rate;
};

void sum_group(const CoxScoreResidualArgs& args, dim_t k, const double* s1, const double* a1, const GroupVectors& out) {
  const CoxGroupSums& sums = args.groups[k];
  const std::int32_t deaths = args.sets.groups[k].deaths;
  const std::int32_t terms = args.ties == CoxTies::kBreslow ? 1 : deaths;
  const double share = sums.death_weight / terms;
  std::fill(out.mean, out.mean + args.stride, 0.);
  std::fill(out.rate, out.rate + args.stride, 0.);
  std::fill(out.death_rate, out.death_rate + args.stride, 0.);
  for (std::int32_t l = 0; l < terms; ++l) {
    const double fraction = double(l) / terms, phi = sums.s0 - fraction * sums.a0;
    for (dim_t j = 0; j < args.stride; ++j) {
      const double m = (s1[j] - fraction * a1[j]) / phi;
      out.mean[j] += m / terms;
      out.rate[j] += share * m / phi;
      out.death_rate[j] += (1 - fraction) * share * m / phi;
    }
  }
}

/// First pass, latest time first: the vectors of every group of the stratum.
void sum_stratum(const CoxScoreResidualArgs& args, dim_t first, dim_t last, double* s1, double* a1, double* rates) {
  const CoxRiskSets& sets = args.sets;
  const dim_t stride = args.stride;
  std::fill(s1, s1 + stride, 0.);
  for (dim_t k = first; k < last; ++k) {
    const CoxTieGroup& group = sets.groups[k];
    const RiskSetStep step = risk_set_step(sets, k, first);
    for (dim_t i = step.row_begin; i < group.risk_end; ++i)
      for (dim_t j = 0; j < stride; ++j) s1[j] += args.theta[i] * args.panel[i * stride + j];
    for (dim_t i = step.entry_begin; i < group.entry_end; ++i) {
      const dim_t row = sets.entry_order[i];
      for (dim_t j = 0; j < stride; ++j) s1[j] -= args.theta[row] * args.panel[row * stride + j];
    }
    std::fill(a1, a1 + stride, 0.);
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i)
      for (dim_t j = 0; j < stride; ++j) a1[j] += args.theta[i] * args.panel[i * stride + j];
    double* rate = rates + 2 * k * stride;
    sum_group(args, k, s1, a1, {args.risk_mean + k * stride, rate, rate + stride});
  }
}

/// Second pass, earliest time first: cumulative hazard and cumulative rate of every row, in hazard and score_residual.
void accumulate_stratum(const CoxScoreResidualArgs& args, dim_t first, dim_t last, const double* rates, double* total) {
  const CoxRiskSets& sets = args.sets;
  const dim_t stride = args.stride;
  double hazard = 0;
  std::fill(total, total + stride, 0.);
  for (dim_t k = last; k-- > first;) {
    const CoxTieGroup& group = sets.groups[k];
    const RiskSetStep step = risk_set_step(sets, k, first);
    const double *rate = rates + 2 * k * stride, *death_rate = rate + stride;
    hazard += args.groups[k].hazard;
    for (dim_t j = 0; j < stride; ++j) total[j] += rate[j];
    for (dim_t i = step.entry_begin; i < group.entry_end; ++i) {
      const dim_t row = sets.entry_order[i];
      args.hazard[row] = -hazard;
      for (dim_t j = 0; j < stride; ++j) args.score_residual[row * stride + j] = -total[j];
    }
    for (dim_t i = step.row_begin; i < group.risk_end; ++i) {
      args.hazard[i] += hazard;
      for (dim_t j = 0; j < stride; ++j) args.score_residual[i * stride + j] += total[j];
    }
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
      args.hazard[i] += args.groups[k].death_hazard - args.groups[k].hazard;
      for (dim_t j = 0; j < stride; ++j) args.score_residual[i * stride + j] += death_rate[j] - rate[j];
    }
  }
}

/// r_i = d_i (x_i - mean) - e_i (x_i H_i - Q_i), Q_i being what score_residual holds.
void finish_stratum(const CoxScoreResidualArgs& args, dim_t first, dim_t last) {
  const CoxRiskSets& sets = args.sets;
  const dim_t stride = args.stride;
  const double shift = args.groups[first].shift;
  for (dim_t i = sets.groups[first].stratum_begin; i < sets.groups[last - 1].risk_end; ++i) {
    const double e = std::exp(args.eta[i] - shift);
    double* r = args.score_residual + i * stride;
    for (dim_t j = 0; j < stride; ++j) r[j] = -e * (args.panel[i * stride + j] * args.hazard[i] - r[j]);
  }
  for (dim_t k = first; k < last; ++k) {
    const CoxTieGroup& group = sets.groups[k];
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i)
      for (dim_t j = 0; j < stride; ++j)
        args.score_residual[i * stride + j] += args.panel[i * stride + j] - args.risk_mean[k * stride + j];
  }
}

}  // namespace

dim_t cox_score_residual_workspace(dim_t num_groups, dim_t stride) {
  return (2 * num_groups + 2) * stride;
}

void cox_score_residuals_cpu(Stream, const CoxScoreResidualArgs& args) {
  const CoxRiskSets& sets = args.sets;
  double *s1 = args.workspace, *a1 = s1 + args.stride, *rates = a1 + args.stride;
  std::fill(args.hazard, args.hazard + sets.rows, 0.);
  std::fill(args.score_residual, args.score_residual + sets.rows * args.stride, 0.);
  for (dim_t first = 0; first < sets.num_groups;) {
    const dim_t last = stratum_end(sets, first);
    sum_stratum(args, first, last, s1, a1, rates);
    accumulate_stratum(args, first, last, rates, s1);
    finish_stratum(args, first, last);
    first = last;
  }
}

}  // namespace engram::kernels
