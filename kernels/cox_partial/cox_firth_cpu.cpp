#include <algorithm>

#include "kernels/cox_partial/risk_sweep.h"

namespace engram::kernels {
namespace {

/// Running sums over a risk set, or over the deaths of a tie group, for the third moments of Firth's penalty.
/// With a_i = x_i' V x_i: theta, theta x, theta x x', theta a, theta a x.
struct MomentSums {
  double s0 = 0, sa = 0;
  double *s1, *sax, *s2;  // [columns], [columns], [columns, columns]

  MomentSums(double* memory, dim_t columns) : s1(memory), sax(memory + columns), s2(memory + 2 * columns) {}
  static dim_t doubles(dim_t columns) { return columns * (columns + 2); }

  void clear(dim_t columns) {
    s0 = sa = 0;
    std::fill(s1, s1 + doubles(columns), 0.);
  }
  void add(const double* x, double theta, double a, dim_t columns) {
    s0 += theta;
    sa += theta * a;
    for (dim_t j = 0; j < columns; ++j) {
      s1[j] += theta * x[j];
      sax[j] += theta * a * x[j];
      for (dim_t k = 0; k < columns; ++k) s2[j * columns + k] += theta * x[j] * x[k];
    }
  }
};

double quadratic_form(const CoxFirthArgs& args, const double* x) {
  double sum = 0;
  for (dim_t j = 0; j < args.columns; ++j)
    for (dim_t k = 0; k < args.columns; ++k) sum += x[j] * args.inverse[j * args.stride + k] * x[k];
  return sum;
}

/// Adds share/2 times the mean over the risk set of (x - m)' V (x - m) (x - m), for one l of a tie group.
void add_term(const CoxFirthArgs& args, const MomentSums& risk, const MomentSums& deaths, double fraction, double share,
              double* mean, double* v_mean) {
  const dim_t columns = args.columns;
  const double phi = risk.s0 - fraction * deaths.s0;
  for (dim_t j = 0; j < columns; ++j) mean[j] = (risk.s1[j] - fraction * deaths.s1[j]) / phi;
  double mvm = 0;
  for (dim_t j = 0; j < columns; ++j) {
    v_mean[j] = 0;
    for (dim_t k = 0; k < columns; ++k) v_mean[j] += args.inverse[j * args.stride + k] * mean[k];
    mvm += mean[j] * v_mean[j];
  }
  // E[q] with q = a - 2 m'Vx + m'Vm, then E[q x] - m E[q].
  const double mean_q = (risk.sa - fraction * deaths.sa) / phi - mvm;
  for (dim_t j = 0; j < columns; ++j) {
    double mean_qx = (risk.sax[j] - fraction * deaths.sax[j]) / phi + mvm * mean[j];
    for (dim_t k = 0; k < columns; ++k) {
      const double s2 = (risk.s2[j * columns + k] - fraction * deaths.s2[j * columns + k]) / phi;
      mean_qx -= 2 * s2 * v_mean[k];
    }
    args.gradient[j] += share / 2 * (mean_qx - mean[j] * mean_q);
  }
}

}  // namespace

dim_t cox_firth_workspace(dim_t columns) {
  return 2 * MomentSums::doubles(columns) + 2 * columns;
}

void cox_firth_cpu(Stream, const CoxFirthArgs& args) {
  const CoxRiskSets& sets = args.sets;
  const dim_t columns = args.columns;
  double* mean = args.workspace;
  double* v_mean = mean + columns;
  MomentSums risk(v_mean + columns, columns), deaths(v_mean + columns + MomentSums::doubles(columns), columns);
  std::fill(args.gradient, args.gradient + columns, 0.);
  const auto add = [&](MomentSums& sums, dim_t row, double sign) {
    const double* x = args.panel + row * args.stride;
    sums.add(x, sign * args.theta[row], quadratic_form(args, x), columns);
  };
  for (dim_t first = 0; first < sets.num_groups;) {
    const dim_t last = stratum_end(sets, first);
    risk.clear(columns);
    for (dim_t k = first; k < last; ++k) {
      const CoxTieGroup& group = sets.groups[k];
      const RiskSetStep step = risk_set_step(sets, k, first);
      for (dim_t i = step.row_begin; i < group.risk_end; ++i) add(risk, i, 1);
      for (dim_t i = step.entry_begin; i < group.entry_end; ++i) add(risk, sets.entry_order[i], -1);
      const std::int32_t terms = args.ties == CoxTies::kBreslow ? 1 : group.deaths;
      deaths.clear(columns);
      if (terms > 1) {
        for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) add(deaths, i, 1);
      }
      for (std::int32_t l = 0; l < terms; ++l) {
        add_term(args, risk, deaths, double(l) / terms, args.groups[k].death_weight / terms, mean, v_mean);
      }
    }
    first = last;
  }
}

}  // namespace engram::kernels
