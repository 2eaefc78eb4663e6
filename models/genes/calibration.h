#pragma once
/// How often the probabilities that are printed hold (docs/results/genes).

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "models/genes/null_cohorts.h"

namespace engram::genes {

struct ErrorCount {
  std::int64_t errors = 0, tests = 0;
  double share() const { return tests > 0 ? double(errors) / double(tests) : 0; }
};

/// Shares of errors that a true rate explains: the 0.5 % and the 99.5 % point of the binomial law, over `tests`.
std::pair<double, double> binomial_interval_99(double rate, std::int64_t tests);

/// One screen's p-values of genes without an effect.
struct ScreenCalibration {
  std::string screen;
  ErrorCount calibrated[3], model[3];  ///< at most kCalibrationLevels: the p-value printed, and the model's own
  double false_share = 0, model_false_share = 0;  ///< of the genes with a BH q below 0.1, mean over the cohorts
};
inline constexpr double kCalibrationLevels[3] = {0.05, 0.01, 0.001};

/// What select says.
struct SelectCalibration {
  ErrorCount declared_any;  ///< cohorts in which a gene without an effect was declared
  ErrorCount claimed_any;   ///< cohorts with that, or with a declared group in which no gene has an effect
  ErrorCount standing_any;  ///< cohorts in which one stood out, told apart from its correlates or not
  double listed_key = 0;    ///< key genes listed, declared, of a declared group, and that stood out, a cohort
  double declared_key = 0, grouped_key = 0, standing_key = 0;
  double listed = 0;                          ///< genes listed a cohort
  ErrorCount naive_missed, selective_missed;  ///< 95 % intervals of listed genes that miss the true effect; parametric
                                              ///< log-time scales, and no effect on the hazard scale
};

struct CalibrationOptions {
  int cohorts = 200;
  int replicates = 199;  ///< of each cohort's null law
  std::uint64_t seed = 1;
  bool family = true;                ///< the family test
  std::vector<std::string> screens;  ///< names of calibrated_screen()
  bool select = false;               ///< the pipeline, with one search and no negative control
  int reselections = 12;             ///< of the pipeline
};

struct Calibration {
  std::string setting;
  int cohorts = 0;
  ErrorCount family;      ///< cohorts in which a gene without an effect has a family-wise p < 0.05
  double family_key = 0;  ///< key genes with one, a cohort
  std::vector<ScreenCalibration> screens;
  SelectCalibration select;
};

/// Draws cohorts `seed`, `seed` + 1, ... of the setting and measures. Cohorts run in parallel; the result depends on
/// the seed alone. Cohorts that `stop` kept from starting are left out.
Calibration calibrate(const NullSetting& setting, const CalibrationOptions& options,
                      const std::function<void(int done)>& progress = {}, const std::function<bool()>& stop = {});

}  // namespace engram::genes
