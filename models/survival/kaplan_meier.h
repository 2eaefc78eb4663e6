#pragma once
/// Product-limit and cumulative-hazard estimates without covariates, and weights for censoring.

#include <vector>

#include "models/survival/outcome.h"
#include "models/survival/probability.h"

namespace engram::survival {

/// One row a distinct observed time, ascending. With case weights the counts are sums of weights.
struct SurvivalCurve {
  std::vector<double> time;
  std::vector<double> at_risk, events, censored;
  std::vector<double> survival;        ///< Kaplan-Meier
  std::vector<double> standard_error;  ///< of log survival (Greenwood), as R's std.err; 0 while survival is 1, and once
                                       ///< survival is 0 the value before that time is kept
  std::vector<double> cumulative_hazard;                 ///< Nelson-Aalen
  std::vector<double> cumulative_hazard_standard_error;  ///< sqrt of the sum of events / at_risk^2

  /// Survival at `t`: the last step at or before t; 1 before the first time.
  double survival_at(double t) const;
  /// Survival just before `t`: steps strictly before t.
  double survival_before(double t) const;
  /// The smallest time with survival <= 0.5 (at exact equality on an interval: its middle, as R); NaN if never reached.
  double median() const;
};

/// Pointwise confidence limits of the survival, on the log scale as R's default: S exp(-+ z se), cut at 1.
struct SurvivalBand {
  std::vector<double> lower, upper;
};
SurvivalBand confidence_band(const SurvivalCurve& curve, double level = 0.95);

/// Estimate of the event times. Strata are pooled; entry times are respected. Throws as check_outcome.
SurvivalCurve kaplan_meier(const SurvivalOutcome& outcome);

/// Whether patients who die at t are at risk of being censored at t.
enum class CensoringTies {
  kTogether,     ///< yes: the Kaplan-Meier estimate of 1 - event, as R's survfit gives it
  kEventsFirst,  ///< no: deaths precede censorings, so that survival times censoring curve is the share still observed;
                 ///< the weights for censoring use this
};

/// Estimate of the censoring times: events and censorings change places.
SurvivalCurve censoring_curve(const SurvivalOutcome& outcome, CensoringTies ties = CensoringTies::kTogether);

/// Two-sample (or more) log-rank test of equal survival in the groups, stratified if the outcome is.
struct LogRank {
  std::vector<std::int32_t> group;         ///< labels, ascending
  std::vector<double> observed, expected;  ///< events of each group
  ChiSquareTest test;                      ///< df: groups that can be told apart, less one
};
/// Throws as check_outcome, ShapeError for groups of another length. Weights are refused with UsageError.
LogRank log_rank(const SurvivalOutcome& outcome, std::span<const std::int32_t> group);

/// Inverse-probability-of-censoring weights for the status at `horizon`: 1 / G(time-) for events before or at it,
/// 1 / G(horizon) for patients observed beyond it, 0 for those censored before. `max_weight` (> 1, or infinity) cuts
/// them. Throws UsageError for a horizon that is not finite.
std::vector<double> ipcw_weights(const SurvivalOutcome& outcome, double horizon, double max_weight);

}  // namespace engram::survival
