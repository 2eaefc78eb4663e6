#include <cmath>
#include <vector>

#include "kernels/cox_partial/cox_partial.h"

namespace engram::kernels {

Cost cox_likelihood_cost(dim_t rows, dim_t num_groups) {
  return {rows * 17 + num_groups * dim_t(sizeof(CoxTieGroup)), rows * 24 + num_groups * dim_t(sizeof(CoxGroupSums)),
          rows * 25 + num_groups * 25};
}

Cost cox_information_cost(dim_t rows, dim_t num_events, dim_t columns) {
  const dim_t triangle = columns * (columns + 1);
  return {rows * (columns + 2) * 8, columns * columns * 8,
          rows * (triangle + 2 * columns) + num_events * (triangle + columns)};
}

namespace reference {
namespace {

bool at_risk(const CoxRiskSets& sets, const CoxTieGroup& group, dim_t row) {
  if (row < group.stratum_begin || row >= group.risk_end) return false;
  for (dim_t i = group.stratum_begin; i < group.entry_end; ++i)
    if (sets.entry_order[i] == row) return false;
  return true;
}

bool dies_in(const CoxTieGroup& group, dim_t row) {
  return row >= group.death_begin && row < group.death_begin + group.deaths;
}

/// Weight of `row` in the sum over l of the tie group: theta, less l/n of it for one of the deaths.
double part(const CoxRiskSets& sets, const CoxTieGroup& group, const double* eta, dim_t row, double fraction) {
  if (!at_risk(sets, group, row)) return 0;
  const double theta = sets.weight[row] * std::exp(eta[row]);
  return dies_in(group, row) ? theta * (1 - fraction) : theta;
}

/// Mean of the columns over the risk set with these parts; returns the sum of the parts.
double risk_mean(const CoxRiskSets& sets, const CoxTieGroup& group, const double* eta, const double* panel,
                 dim_t columns, dim_t stride, double fraction, std::vector<double>& mean) {
  double phi = 0;
  mean.assign(std::size_t(columns), 0.);
  for (dim_t i = 0; i < sets.rows; ++i) phi += part(sets, group, eta, i, fraction);
  for (dim_t i = 0; i < sets.rows; ++i)
    for (dim_t j = 0; j < columns; ++j) mean[j] += part(sets, group, eta, i, fraction) * panel[i * stride + j] / phi;
  return phi;
}

}  // namespace

double cox_partial(const CoxRiskSets& sets, CoxTies ties, const double* eta, const double* panel, dim_t columns,
                   dim_t stride, double* score, double* information) {
  double loglik = 0;
  std::vector<double> mean;
  for (dim_t j = 0; j < columns; ++j) score[j] = 0;
  for (dim_t j = 0; j < columns * columns; ++j) information[j] = 0;
  for (dim_t k = 0; k < sets.num_groups; ++k) {
    const CoxTieGroup& group = sets.groups[k];
    double death_weight = 0;
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) {
      death_weight += sets.weight[i];
      loglik += sets.weight[i] * eta[i];
      for (dim_t j = 0; j < columns; ++j) score[j] += sets.weight[i] * panel[i * stride + j];
    }
    for (std::int32_t l = 0; l < group.deaths; ++l) {
      const double fraction = ties == CoxTies::kBreslow ? 0 : double(l) / group.deaths;
      const double share = death_weight / group.deaths;
      const double phi = risk_mean(sets, group, eta, panel, columns, stride, fraction, mean);
      loglik -= share * std::log(phi);
      for (dim_t j = 0; j < columns; ++j) score[j] -= share * mean[j];
      for (dim_t i = 0; i < sets.rows; ++i) {
        const double p = part(sets, group, eta, i, fraction) / phi;
        for (dim_t a = 0; a < columns; ++a)
          for (dim_t b = 0; b < columns; ++b)
            information[a * columns + b] +=
                share * p * (panel[i * stride + a] - mean[a]) * (panel[i * stride + b] - mean[b]);
      }
    }
  }
  return loglik;
}

void cox_score_residuals(const CoxRiskSets& sets, CoxTies ties, const double* eta, const double* panel, dim_t columns,
                         dim_t stride, double* score_residual) {
  std::vector<double> mean;
  for (dim_t i = 0; i < sets.rows * columns; ++i) score_residual[i] = 0;
  for (dim_t k = 0; k < sets.num_groups; ++k) {
    const CoxTieGroup& group = sets.groups[k];
    double death_weight = 0;
    for (dim_t i = group.death_begin; i < group.death_begin + group.deaths; ++i) death_weight += sets.weight[i];
    for (std::int32_t l = 0; l < group.deaths; ++l) {
      const double fraction = ties == CoxTies::kBreslow ? 0 : double(l) / group.deaths;
      const double phi = risk_mean(sets, group, eta, panel, columns, stride, fraction, mean);
      for (dim_t i = 0; i < sets.rows; ++i) {
        if (!at_risk(sets, group, i)) continue;
        const bool dies = dies_in(group, i);
        const double hazard = (dies ? 1 - fraction : 1) * std::exp(eta[i]) * death_weight / group.deaths / phi;
        for (dim_t j = 0; j < columns; ++j) {
          const double deviation = panel[i * stride + j] - mean[j];
          score_residual[i * columns + j] += (dies ? deviation / group.deaths : 0) - hazard * deviation;
        }
      }
    }
  }
}

}  // namespace reference

}  // namespace engram::kernels
