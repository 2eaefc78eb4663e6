#pragma once
/// The folder of a plan's runs: which plan made it, which cells are there, and what came of each.
///
///   plan.json            name and scale of the plan, so that another one is not mixed in
///   cells/HASH/          the run folder of a cell
///   cells/HASH.json      its configuration file
///   cells/HASH.attempts  seconds that its attempts took, and how the last one ended
///   claims/HASH          the claim on it
///   table.*              the tables

#include <filesystem>
#include <optional>
#include <string>

#include "apps/common/experiment/cell.h"
#include "apps/common/experiment/claim.h"

namespace engram::apps {

/// What is known of a cell from its files.
struct CellStatus {
  enum class Kind { kMissing, kUnfinished, kFailed, kComplete };
  Kind kind = Kind::kMissing;
  bool begun = false;   ///< there is a run to resume
  int exit_code = 0;    ///< kFailed: of the last attempt
  std::string failure;  ///< kFailed: its last line on standard error
  double seconds = 0;   ///< of all attempts that ended by themselves
};

/// What a complete cell measured.
struct CellMeasurement {
  double last = 0, best = 0;  ///< of the plan's measure, in its unit (percentages where it says so)
  double best_epoch = 0;      ///< epochs until the best value, where the run reports epochs; else 0
  double epochs = 0;          ///< epochs of the whole run; else 0
  double steps = 0;           ///< steps until the last value
  double images = 0;          ///< steps times batch size where the run has one; else 0
};

class CellStore {
 public:
  enum class Mode { kCreate, kLook };

  /// Opens `folder` for a plan, and creates it unless only to be looked at. Throws UsageError when it holds anything
  /// else: other files, or the cells of another plan or scale.
  CellStore(std::filesystem::path folder, const Plan& plan, Mode mode = Mode::kCreate);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path cells_folder() const { return folder_ / "cells"; }
  std::filesystem::path run_folder(const Cell& cell) const { return cells_folder() / cell.hash; }
  std::filesystem::path config_file(const Cell& cell) const { return cells_folder() / (cell.hash + ".json"); }

  std::optional<Claim> claim(const Cell& cell) const { return Claim::take(folder_ / "claims" / cell.hash); }

  /// Throws DataError for damaged files.
  CellStatus status(const Cell& cell) const;

  /// Notes the end of an attempt: exit code 0, or another with its last message.
  void note_attempt(const Cell& cell, double seconds, int exit_code, const std::string& failure) const;

  /// What is wrong with the plan's measure by the metrics of a complete cell that a row shows, for a message: they have
  /// no such series. Empty where nothing is.
  std::string measure_mistake(const Cell& cell, const Plan& plan) const;

  /// What a complete cell measured; nothing when its metrics lack the plan's measure.
  std::optional<CellMeasurement> measurement(const Cell& cell, const PlanMeasure& measure) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace engram::apps
