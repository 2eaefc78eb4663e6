#include "models/survival/kaplan_meier.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/common/error.h"
#include "models/survival/probability.h"

namespace engram::survival {
namespace {

double weight_of(const SurvivalOutcome& outcome, dim_t row) {
  return outcome.weight.empty() ? 1 : outcome.weight[row];
}

std::vector<dim_t> rows_by(const std::vector<double>& key) {
  std::vector<dim_t> order(key.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) { return key[a] < key[b]; });
  return order;
}

/// Counts at each distinct time, earliest first.
SurvivalCurve count_rows(const SurvivalOutcome& outcome) {
  SurvivalCurve curve;
  const std::vector<dim_t> order = rows_by(outcome.time);
  std::vector<dim_t> entries;
  if (!outcome.entry.empty()) entries = rows_by(outcome.entry);
  double present = 0;
  if (outcome.entry.empty()) {
    for (dim_t i = 0; i < outcome.rows(); ++i) present += weight_of(outcome, i);
  }
  std::size_t entered = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    const double time = outcome.time[order[begin]];
    for (; entered < entries.size() && outcome.entry[entries[entered]] < time; ++entered) {
      present += weight_of(outcome, entries[entered]);
    }
    double events = 0, censored = 0;
    std::size_t end = begin;
    for (; end < order.size() && outcome.time[order[end]] == time; ++end) {
      (outcome.event[order[end]] ? events : censored) += weight_of(outcome, order[end]);
    }
    curve.time.push_back(time);
    curve.at_risk.push_back(present);
    curve.events.push_back(events);
    curve.censored.push_back(censored);
    present -= events + censored;
    begin = end;
  }
  return curve;
}

/// The estimates from the counts.
void estimate(SurvivalCurve& curve) {
  double survival = 1, greenwood = 0, hazard = 0, hazard_variance = 0;
  for (std::size_t k = 0; k < curve.time.size(); ++k) {
    const double at_risk = curve.at_risk[k], events = curve.events[k];
    if (events > 0) {
      // All of the weight leaves with the last events; a difference of sums of weights may say so only nearly.
      const bool all = events >= at_risk * (1 - 1e-12);
      survival = all ? 0 : survival * (1 - events / at_risk);
      if (!all) greenwood += events / (at_risk * (at_risk - events));
      hazard += events / at_risk;
      hazard_variance += events / (at_risk * at_risk);
    }
    curve.survival.push_back(survival);
    curve.standard_error.push_back(std::sqrt(greenwood));
    curve.cumulative_hazard.push_back(hazard);
    curve.cumulative_hazard_standard_error.push_back(std::sqrt(hazard_variance));
  }
}

}  // namespace

double SurvivalCurve::survival_at(double t) const {
  const auto after = std::upper_bound(time.begin(), time.end(), t) - time.begin();
  return after == 0 ? 1 : survival[std::size_t(after) - 1];
}

double SurvivalCurve::survival_before(double t) const {
  const auto first = std::lower_bound(time.begin(), time.end(), t) - time.begin();
  return first == 0 ? 1 : survival[std::size_t(first) - 1];
}

double SurvivalCurve::median() const {
  constexpr double kHalf = 0.5, kRounding = 1e-9;
  for (std::size_t k = 0; k < time.size(); ++k) {
    if (survival[k] > kHalf + kRounding) continue;
    if (survival[k] < kHalf - kRounding) return time[k];
    for (std::size_t next = k + 1; next < time.size(); ++next) {
      if (survival[next] < kHalf - kRounding) return (time[k] + time[next]) / 2;
    }
    return time[k];
  }
  return std::numeric_limits<double>::quiet_NaN();
}

SurvivalBand confidence_band(const SurvivalCurve& curve, double level) {
  if (!(level > 0 && level < 1)) throw UsageError(message("[km] expected a level in (0, 1), got ", level));
  const double z = normal_quantile((1 + level) / 2);
  SurvivalBand band;
  for (std::size_t k = 0; k < curve.time.size(); ++k) {
    band.lower.push_back(curve.survival[k] * std::exp(-z * curve.standard_error[k]));
    band.upper.push_back(std::min(1., curve.survival[k] * std::exp(z * curve.standard_error[k])));
  }
  return band;
}

SurvivalCurve kaplan_meier(const SurvivalOutcome& outcome) {
  check_outcome(outcome);
  SurvivalCurve curve = count_rows(outcome);
  estimate(curve);
  return curve;
}

SurvivalCurve censoring_curve(const SurvivalOutcome& outcome, CensoringTies ties) {
  check_outcome(outcome);
  SurvivalCurve curve = count_rows(outcome);
  std::swap(curve.events, curve.censored);
  for (std::size_t k = 0; k < curve.time.size() && ties == CensoringTies::kEventsFirst; ++k) {
    curve.at_risk[k] -= curve.censored[k];  // which are the events, after the swap
  }
  estimate(curve);
  return curve;
}

std::vector<double> ipcw_weights(const SurvivalOutcome& outcome, double horizon, double max_weight) {
  if (!std::isfinite(horizon)) throw UsageError(message("[ipcw] expected a finite horizon, got ", horizon));
  if (!(max_weight > 1)) throw UsageError(message("[ipcw] expected a largest weight above 1, got ", max_weight));
  const SurvivalCurve censoring = censoring_curve(outcome, CensoringTies::kEventsFirst);
  const double at_horizon = censoring.survival_at(horizon);
  std::vector<double> weights(std::size_t(outcome.rows()), 0.);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const bool beyond = outcome.time[i] > horizon;
    if (!beyond && !outcome.event[i]) continue;
    const double survival = beyond ? at_horizon : censoring.survival_before(outcome.time[i]);
    weights[i] = survival > 0 ? std::min(max_weight, 1 / survival) : max_weight;
  }
  return weights;
}

}  // namespace engram::survival
