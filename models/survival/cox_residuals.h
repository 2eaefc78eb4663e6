#pragma once
/// Residuals of a Cox fit, its baseline hazard, and the check of proportional hazards.

#include "models/survival/cox_fit.h"

namespace engram::survival {

/// M_i = d_i - e_i * (cumulative baseline hazard at time_i), one a patient in the outcome's order
/// (docs/methods/genes.md, "Cox model"). For Efron ties a death gets its own tie group's increments with the factor 1 -
/// l/n.
std::vector<double> martingale_residuals(const CoxModel& model, const CoxFit& fit);

/// Score residuals, row-major [rows, columns], patients in the outcome's order, covariates' units, without the weight.
/// Their weighted sum is the score.
std::vector<double> score_residuals(const CoxModel& model, const CoxFit& fit);

/// Steps of the cumulative baseline hazard of one stratum.
struct BaselineHazard {
  std::int32_t stratum = 0;                         ///< label given in the outcome; 0 without strata
  std::vector<double> time, increment, cumulative;  ///< at the distinct event times, ascending
};

/// Breslow or Efron estimate (as the fit's ties) for a patient with all covariates 0 and offset 0; one entry a stratum.
std::vector<BaselineHazard> baseline_hazard(const CoxModel& model, const CoxFit& fit);

/// Schoenfeld residuals x_i - mean over the risk set (Efron: the mean over the l of the tie group), one row an event in
/// ascending time within stratum.
struct SchoenfeldResiduals {
  std::vector<double> time;
  std::vector<dim_t> patient;     ///< row of the outcome
  std::vector<double> residuals;  ///< row-major [events, columns], covariates' units
};
SchoenfeldResiduals schoenfeld_residuals(const CoxModel& model, const CoxFit& fit);

/// Test of one column's proportional hazards (Grambsch and Therneau 1994, with the average-information approximation).
struct ProportionalHazardsRow {
  std::string name;
  double correlation = 0;  ///< of the scaled Schoenfeld residuals with the rank of time
  ChiSquareTest test;      ///< 1 df
};
struct ProportionalHazardsCheck {
  std::vector<ProportionalHazardsRow> columns;
  ChiSquareTest global;
};

/// Correlation of scaled Schoenfeld residuals with the rank of the event time. Aliased columns and fits with fewer than
/// two distinct event times have statistic 0.
ProportionalHazardsCheck check_proportional_hazards(const CoxModel& model, const CoxFit& fit);

}  // namespace engram::survival
