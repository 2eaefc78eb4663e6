#include "models/survival/propensity.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram::survival {
namespace {

/// Quantile of sorted values by linear interpolation between order statistics (R's type 7).
double quantile(const std::vector<double>& sorted, double p) {
  const double at = p * double(sorted.size() - 1);
  const auto low = std::size_t(std::floor(at));
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - double(low)) * (sorted[high] - sorted[low]);
}

void check_treatment(std::span<const double> propensity, std::span<const std::uint8_t> treatment) {
  if (propensity.size() != treatment.size()) {
    throw ShapeError(
        message("[propensity] expected ", treatment.size(), " propensities (one a patient), got ", propensity.size()));
  }
  bool any[2] = {false, false};
  for (std::size_t i = 0; i < treatment.size(); ++i) {
    if (treatment[i] > 1) {
      throw DataError(message("[propensity] expected treatment 0 or 1, got ", int(treatment[i]), " at row ", i));
    }
    if (!(propensity[i] > 0 && propensity[i] < 1)) {
      throw DataError(
          message("[propensity] expected propensities between 0 and 1, got ", propensity[i], " at row ", i));
    }
    any[treatment[i]] = true;
  }
  if (!any[0] || !any[1]) {
    throw DataError(message("[propensity] expected treated and untreated patients, got only ",
                            any[1] ? "treated" : "untreated", " ones"));
  }
}

/// Weighted sums of one arm.
struct Arm {
  double weight = 0, squared_weight = 0, sum = 0, count = 0, plain_sum = 0, plain_squares = 0;

  void add(double value, double w) {
    weight += w;
    squared_weight += w * w;
    sum += w * value;
    count += 1;
    plain_sum += value;
  }
  double mean() const { return plain_sum / count; }
  double weighted_mean() const { return weight > 0 ? sum / weight : 0; }
  double effective_size() const { return squared_weight > 0 ? weight * weight / squared_weight : 0; }
};

BalanceRow balance_row(std::string name, std::span<const double> x, std::span<const std::uint8_t> treatment,
                       std::span<const double> weight) {
  Arm arms[2];
  for (std::size_t i = 0; i < x.size(); ++i) arms[treatment[i]].add(x[i], weight[i]);
  for (std::size_t i = 0; i < x.size(); ++i) {
    Arm& arm = arms[treatment[i]];
    arm.plain_squares += (x[i] - arm.mean()) * (x[i] - arm.mean());
  }
  double variance = 0;
  for (const Arm& arm : arms) variance += arm.count > 1 ? arm.plain_squares / (arm.count - 1) / 2 : 0;
  BalanceRow row{.name = std::move(name),
                 .mean_treated = arms[1].mean(),
                 .mean_untreated = arms[0].mean(),
                 .weighted_mean_treated = arms[1].weighted_mean(),
                 .weighted_mean_untreated = arms[0].weighted_mean()};
  if (!(variance > 0)) return row;  // a constant covariate is balanced
  row.difference = (row.mean_treated - row.mean_untreated) / std::sqrt(variance);
  row.weighted_difference = (row.weighted_mean_treated - row.weighted_mean_untreated) / std::sqrt(variance);
  return row;
}

void report_overlap(std::span<const std::uint8_t> treatment, std::span<const double> propensity,
                    BalanceReport& report) {
  double low[2] = {1, 1}, high[2] = {0, 0};
  for (std::size_t i = 0; i < treatment.size(); ++i) {
    low[treatment[i]] = std::min(low[treatment[i]], propensity[i]);
    high[treatment[i]] = std::max(high[treatment[i]], propensity[i]);
  }
  report.overlap_low = std::max(low[0], low[1]);
  report.overlap_high = std::min(high[0], high[1]);
  for (double e : propensity) report.outside_overlap += e < report.overlap_low || e > report.overlap_high;
}

}  // namespace

std::vector<double> treatment_weights(std::span<const double> propensity, std::span<const std::uint8_t> treatment,
                                      const TreatmentWeightOptions& options) {
  check_treatment(propensity, treatment);
  if (!(options.truncate >= 0 && options.truncate < 0.5)) {
    throw UsageError(message("[propensity] expected a truncation quantile in [0, 0.5), got ", options.truncate));
  }
  const double treated = double(std::count(treatment.begin(), treatment.end(), std::uint8_t(1)));
  const double share = treated / double(treatment.size());
  std::vector<double> weights;
  for (std::size_t i = 0; i < treatment.size(); ++i) {
    const double e = propensity[i];
    if (options.kind == TreatmentWeight::kOverlap) {
      weights.push_back(treatment[i] ? 1 - e : e);
    } else {
      weights.push_back(treatment[i] ? share / e : (1 - share) / (1 - e));
    }
  }
  if (options.truncate > 0) {
    std::vector<double> sorted(weights);
    std::sort(sorted.begin(), sorted.end());
    const double low = quantile(sorted, options.truncate), high = quantile(sorted, 1 - options.truncate);
    for (double& w : weights) w = std::clamp(w, low, high);
  }
  return weights;
}

BalanceReport balance_report(const CovariateMatrix& covariates, std::span<const std::uint8_t> treatment,
                             std::span<const double> propensity, std::span<const double> weight) {
  check_treatment(propensity, treatment);
  if (covariates.rows() != dim_t(treatment.size()) || weight.size() != treatment.size()) {
    throw ShapeError(message("[propensity] expected ", treatment.size(),
                             " rows of covariates and weights (one a patient), got ", covariates.rows(), " and ",
                             weight.size()));
  }
  BalanceReport report;
  for (dim_t j = 0; j < covariates.columns(); ++j) {
    report.rows.push_back(balance_row(covariates.names()[j], covariates.column(j), treatment, weight));
  }
  Arm arms[2], all;
  for (std::size_t i = 0; i < treatment.size(); ++i) {
    arms[treatment[i]].add(0, weight[i]);
    all.add(0, weight[i]);
    report.max_weight = std::max(report.max_weight, weight[i]);
  }
  report.effective_size_treated = arms[1].effective_size();
  report.effective_size_untreated = arms[0].effective_size();
  report.effective_size = all.effective_size();
  report.sum_weight = all.weight;
  report_overlap(treatment, propensity, report);
  return report;
}

std::vector<std::int32_t> propensity_strata(std::span<const double> propensity, dim_t count) {
  if (count < 1) throw UsageError(message("[propensity] expected at least 1 stratum, got ", count));
  if (propensity.empty()) return {};
  std::vector<double> sorted(propensity.begin(), propensity.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> cuts;
  for (dim_t s = 1; s < count; ++s) cuts.push_back(quantile(sorted, double(s) / double(count)));
  std::vector<std::int32_t> strata;
  for (double e : propensity)
    strata.push_back(std::int32_t(std::lower_bound(cuts.begin(), cuts.end(), e) - cuts.begin()));
  return strata;
}

double e_value(double hazard_ratio) {
  if (!(hazard_ratio > 0) || !std::isfinite(hazard_ratio)) {
    throw UsageError(message("[e-value] expected a positive, finite hazard ratio, got ", hazard_ratio));
  }
  const double root = std::sqrt(hazard_ratio);
  const double ratio = (1 - std::pow(0.5, root)) / (1 - std::pow(0.5, 1 / root));
  const double risk_ratio = std::max(ratio, 1 / ratio);
  return risk_ratio + std::sqrt(risk_ratio * (risk_ratio - 1));
}

}  // namespace engram::survival
