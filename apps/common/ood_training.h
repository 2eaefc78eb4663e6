#pragma once
/// One training of engram-ood: network, images on the device, method, and what it reaches in each environment.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/common/ood_settings.h"
#include "models/training/evaluate.h"

namespace engram::apps {

/// What a network reaches at one moment.
struct OodScores {
  dim_t step = 0;
  double train = 0;       ///< mean accuracy over the training environments' images
  double validation = 0;  ///< over what was held back of them; where nothing was, the same as `train`
  double validation_loss = 0;
  double test = 0;  ///< mean over the environments left out
  /// Accuracy of each set by the name of its metric: "train/+80%/accuracy", "validation/...", "test/...", "probe/...".
  std::vector<std::pair<std::string, double>> each;
};

/// Which step a rule of model selection takes.
struct OodChoice {
  dim_t step = 0;
  double validation = 0, test = 0;
};

/// By the training environments: the step of best validation accuracy, the later of equals (there are none in DecAug's
/// code before the last steps; here all evaluations count).
OodChoice choose_by_training_domains(const std::vector<OodScores>& history);
/// By the test itself: the step of best test accuracy. Looks at what it should predict.
OodChoice choose_by_oracle(const std::vector<OodScores>& history);

/// Network, source and task of a training. `data` is copied to the device.
class OodTraining {
 public:
  /// What was read under other names in --init is said on `remarks`, if there is one. Throws UsageError and DataError
  /// as the parts do.
  OodTraining(const OodSettings& settings, const OodData& data, const Device& device, std::ostream* remarks);

  OodTask& task() { return *task_; }
  Network& network() { return *network_; }
  const OodData& data() const { return data_; }

  /// Accuracies after step `step`, of the network to deploy. Tells the task what its own network reaches on validation.
  OodScores evaluate(dim_t step);

 private:
  const OodData& data_;
  const bool averages_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<EnvironmentStager> source_;
  std::unique_ptr<OodTask> task_;
};

}  // namespace engram::apps
