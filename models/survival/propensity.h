#pragma once
/// Weights that balance treated and untreated patients, and how well they do (docs/methods/genes.md, "Causal checks").

#include "models/survival/logistic_model.h"

namespace engram::survival {

enum class TreatmentWeight {
  kStabilized,  ///< treated p/e, untreated (1-p)/(1-e), p the treated share (Robins, Hernan, Brumback 2000)
  kOverlap,     ///< treated 1-e, untreated e (Li, Morgan, Zaslavsky 2018)
};

struct TreatmentWeightOptions {
  TreatmentWeight kind = TreatmentWeight::kStabilized;
  double truncate = 0;  ///< cut weights at these quantiles from below and above (0.01: 1st and 99th percentile); 0: no
};

/// One weight a patient, from propensities e in (0, 1). Quantiles by linear interpolation (R's type 7). Throws
/// ShapeError for mismatched lengths, DataError for a treatment that all or none got or a propensity outside (0, 1),
/// UsageError for truncate outside [0, 0.5).
std::vector<double> treatment_weights(std::span<const double> propensity, std::span<const std::uint8_t> treatment,
                                      const TreatmentWeightOptions& options = {});

/// Balance of one covariate.
struct BalanceRow {
  std::string name;
  double mean_treated = 0, mean_untreated = 0;  ///< unweighted
  double weighted_mean_treated = 0, weighted_mean_untreated = 0;
  double difference = 0;           ///< standardised: (mean treated - mean untreated) / sqrt((s1^2 + s0^2) / 2)
  double weighted_difference = 0;  ///< weighted means over the same unweighted standard deviation; wanted below 0.1
};

struct BalanceReport {
  std::vector<BalanceRow> rows;
  double effective_size_treated = 0, effective_size_untreated = 0;  ///< (sum w)^2 / sum w^2
  double effective_size = 0;                                        ///< of all
  double overlap_low = 0, overlap_high = 0;  ///< range of propensities that both arms reach; low > high if none
  dim_t outside_overlap = 0;                 ///< patients outside it
  double max_weight = 0, sum_weight = 0;
};

/// Throws as treatment_weights.
BalanceReport balance_report(const CovariateMatrix& covariates, std::span<const std::uint8_t> treatment,
                             std::span<const double> propensity, std::span<const double> weight);

/// Propensity strata 0..count-1 by quantiles, for a stratified sensitivity fit.
std::vector<std::int32_t> propensity_strata(std::span<const double> propensity, dim_t count = 5);

/// E-value of a hazard ratio of a common outcome (VanderWeele and Ding 2017): RR = (1 - 0.5^sqrt(HR)) / (1 -
/// 0.5^sqrt(1/HR)), inverted if below 1; E = RR + sqrt(RR (RR - 1)). Throws UsageError unless HR is positive and
/// finite.
double e_value(double hazard_ratio);

}  // namespace engram::survival
