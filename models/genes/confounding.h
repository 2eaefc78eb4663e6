#pragma once
/// How treatment was given, and whether what is found could come from that (docs/methods/genes.md, "Causal checks").

#include <cstdint>
#include <string>
#include <vector>

#include "models/genes/base_model.h"
#include "models/survival/propensity.h"

namespace engram::genes {

/// The propensity model and the balance that its weights reach.
struct ConfoundingReport {
  std::vector<std::string> names;      ///< clinical variables
  std::vector<double> coefficient, z;  ///< of the logistic model of treatment
  std::vector<std::string>
      instrument_like;  ///< predict treatment (|z| > 2.58) but not survival (|z| < 1.96): not weighted
  survival::BalanceReport stabilized, overlap;  ///< weights truncated at the 1st and 99th percentile; overlap weights
  double auc = 0.5;                             ///< of the propensity for the treatment given
  double lowest = 0, highest = 0;               ///< propensities
  std::vector<double> propensity;               ///< one a patient, all clinical variables
  std::vector<double> stabilized_weight, overlap_weight;  ///< one a patient, mean 1; without what is instrument-like
};

/// Fits the treatment model. `base` tells which variables matter for survival. Throws DataError as choose_model.
ConfoundingReport confounding_report(const Cohort& cohort, const ModelChoice& base);

/// The treatment labels permuted within fifths of the propensity: what a patient got then says nothing about the
/// outcome that the propensity does not say. Repeats differ; the same seed and repeat give the same labels.
std::vector<std::uint8_t> permuted_treatment(const Cohort& cohort, const std::vector<double>& propensity,
                                             std::uint64_t seed, int repeat);

}  // namespace engram::genes
