#pragma once
/// One cohort's comparison of methods, as a file: what engram-genes evaluate keeps so that it can be continued.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/genes/benefit.h"
#include "models/genes/methods.h"
#include "models/genes/recovery.h"

namespace engram::apps {

/// One method on one cohort.
struct CellEntry {
  std::string method;
  bool applicable = true;
  std::string note;
  std::vector<std::string> genes;  ///< the reported ones, best first
  genes::Recovery recovery;
  std::optional<genes::BenefitScore> benefit;       ///< where each patient's true gain is known
  std::optional<genes::PredictionPair> prediction;  ///< where cross-validation was asked for and the method applies
  int declared = -1;  ///< genes claimed with confidence; -1: the method makes no such claim
  double fitness = 0, seconds = 0;
  std::int64_t evaluations = 0;
  std::vector<genes::TrajectoryPoint> trajectory;
};

/// All methods on one cohort.
struct ComparisonCell {
  std::string scenario;  ///< of the simulator, or the name of the data
  std::uint64_t seed = 0;
  std::string scale;  ///< likelihood that choose_model() picked
  std::vector<CellEntry> entries;
};

/// Measures the results against the key, and notes the cohort's scale.
ComparisonCell make_cell(const std::string& scenario, std::uint64_t seed, const genes::Cohort& cohort,
                         const std::vector<genes::MethodResult>& results, const genes::AnswerKey& key, int reported);

/// Adds the methods' cross-validations, one repeat each, in the order of the entries.
void add_predictions(ComparisonCell& cell, const std::vector<genes::Prediction>& predictions);

/// Writes a cell as JSON with a checksum of it, whole or not at all. Throws IoError.
void save_cell(const std::filesystem::path& file, const ComparisonCell& cell);

/// Reads one back. Throws IoError, and DataError for a file that is not a cell, was changed, holds a number that cannot
/// be, or belongs to another `scenario` or `seed`.
ComparisonCell load_cell(const std::filesystem::path& file, const std::string& scenario, std::uint64_t seed);

}  // namespace engram::apps
