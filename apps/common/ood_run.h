#pragma once
/// What the parts of engram-ood share: the state of a call, and what is written while a training runs.

#include <memory>
#include <string>
#include <vector>

#include "apps/common/ood_training.h"
#include "apps/common/program.h"
#include "models/training/fit.h"

namespace engram::apps {

inline constexpr const char* kOodCheckpoint = "checkpoint.safetensors";
inline constexpr const char* kOodClassifier = "classifier.safetensors";  ///< after the last step
inline constexpr const char* kOodSelected = "selected.safetensors";      ///< at the best validation accuracy
inline constexpr const char* kOodTrials = "trials.json";

/// What belongs to one call of the program.
struct OodRun {
  const OodSettings& settings;
  Program& program;
  OodData data = {};
  std::unique_ptr<OodTraining> training = {};  ///< with the settings as given
  std::string fingerprint = {};
  dim_t first_step = 0;
  std::vector<OodScores> history = {};  ///< of evaluations before first_step
};

/// Evaluations of a training, into its history and onto the screen; into the metrics where there is a folder for them.
class OodObserver : public FitObserver {
 public:
  /// `dir` may be null; `history` holds the evaluations before `first_step`.
  OodObserver(OodRun& run, OodTraining& training, RunDir* dir, const std::string& label,
              std::vector<OodScores> history = {}, dim_t first_step = 0);

  void on_report(dim_t step, const MeterValues& values) override;
  void on_step(dim_t step, const MeterValues& latest) override;
  void on_epoch(dim_t epoch, dim_t step, const MeterValues& values) override;
  bool stop_requested() override;
  void before_checkpoint() override;

  void finish() { progress_.finish(); }
  const std::vector<OodScores>& history() const { return history_; }
  /// Writes what is deployed as a classifier file of this name into the folder.
  void save(const char* name) const;

 private:
  OodRun& run_;
  OodTraining& training_;
  RunDir* dir_;
  Progress progress_;
  std::vector<OodScores> history_;
};

/// Steps, with an evaluation where --evaluate-every says.
FitOptions ood_fit_options(const OodSettings& settings);

/// A picture of images of every environment, into the folder and its report.
void write_environment_sheet(const OodRun& run, RunDir& dir);

}  // namespace engram::apps
