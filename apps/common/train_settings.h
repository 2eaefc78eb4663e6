#pragma once
/// The settings of engram-train, and what they mean to the task.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/classifier_training.h"
#include "apps/common/common_options.h"
#include "apps/common/data_settings.h"
#include "apps/common/optimizer_settings.h"
#include "models/training/supervised.h"

namespace engram::apps {

/// Everything that engram-train reads from its command line or configuration file. Lengths are in epochs.
struct TrainSettings {
  CommonOptions common;
  std::string arch = "resnet18-w32";
  DataSettings images;
  std::filesystem::path init;

  std::int64_t epochs = 30;
  std::int64_t batch_size = 128;
  OptimizerSettings optimizer;
  bool decay_vectors = true;
  std::string schedule = "one-cycle";
  double warmup_epochs = 0;
  std::vector<double> milestones;
  double gamma = 0.1;
  double final_lr = 0;
  double rise_fraction = 0.3;
  double start_divisor = 25;
  double final_divisor = 1e4;
  std::string anneal = "cosine";
  double label_smoothing = 0;
  double clip_norm = 0;
  double ema_decay = 0;

  AugmentSettings augment;
  std::int64_t limit = 0;
  ClassifierTrainingSettings training;
};

/// Registers all of them.
void add_train_settings(Cli& cli, TrainSettings& settings);

/// The task's options for these settings; epochs become steps. Throws UsageError.
SupervisedOptions supervised_options(const TrainSettings& settings, dim_t train_images);

}  // namespace engram::apps
