#pragma once
/// Results of engram-ood: what goes into metrics, manifest and onto the screen, and three rules of model selection side
/// by side.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/ood_training.h"
#include "apps/common/run_dir.h"

namespace engram::apps {

/// Writes the scores of an evaluation as metrics: each environment's accuracy and the means "train/accuracy",
/// "validation/accuracy" (and "validation/loss") and "test/accuracy".
void write_ood_scores(RunDir& dir, const OodScores& scores);
/// "step 100  train/+80% 79.1 %  ...".
std::string ood_scores_text(const OodScores& scores);
/// The means of the evaluations in a metrics file, one after each `every` of the first `steps` steps. Throws DataError
/// where one is missing or impossible.
std::vector<OodScores> read_ood_history(const std::filesystem::path& metrics, dim_t steps, dim_t every);

/// The longest step of a method's augmentation, for pictures: DecAug's "aug_eps"; 1 for others.
double augmentation_step(const std::string& method);

/// Ends a training: facts and the metric "selected/test_accuracy", and lines for standard output: accuracies after the
/// last step, at the step that the training environments choose, and at the one that the test itself would (which no
/// honest rule can know).
std::string conclude_training(RunDir& dir, const std::vector<OodScores>& history, const OodData& data);

/// A training with drawn settings.
struct OodTrial {
  std::string method;
  double lr = 0, weight_decay = 0;
  std::int64_t batch_size = 0;
  OodScores last;                  ///< after the last step
  OodChoice selected;              ///< by the training environments
  std::optional<double> left_out;  ///< mean accuracy on each training environment by a training without it
};

/// The trials' file. Reading throws IoError, and DataError for a file that is not as write_ood_trials makes it.
void write_ood_trials(const std::filesystem::path& file, const std::vector<OodTrial>& trials);
std::vector<OodTrial> read_ood_trials(const std::filesystem::path& file);
/// A line of metrics, whose step is the number of the trial.
void write_ood_trial(RunDir& dir, int number, const OodTrial& trial);

/// Ends a run of trials: facts, and a table for standard output with the trial that each rule takes and its test
/// accuracy: by the training environments (best validation accuracy, at the step that it chooses), by leaving each of
/// them out (at the last step; where it was done), and by the test itself (at the last step); and the spread over all
/// trials.
std::string conclude_trials(RunDir& dir, const std::vector<OodTrial>& trials);

}  // namespace engram::apps
