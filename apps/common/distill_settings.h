#pragma once
/// The settings of engram-distill, and what they mean to the task.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/classifier_options.h"
#include "apps/common/classifier_training.h"
#include "apps/common/common_options.h"
#include "apps/common/data_settings.h"
#include "apps/common/optimizer_settings.h"
#include "models/methods/distillation/student_task.h"

namespace engram::apps {

/// Everything that engram-distill reads from its command line or configuration file. Lengths are in epochs. Those that
/// a protocol knows are its values unless they are given; here those of ie-kd.
struct DistillSettings {
  CommonOptions common;
  std::vector<std::string> teachers;
  ClassifierOptions assumed;  ///< of the teachers' files
  std::string student;
  std::string method = "kd";
  std::string data_free;  ///< a method that makes its images itself; empty: none
  DataSettings images;
  std::filesystem::path test_data;
  bool teacher_labels = false;
  std::filesystem::path init;

  std::string protocol = "ie-kd";
  std::int64_t epochs = 160, initial_epochs = 30;
  std::int64_t batch_size = 128;
  OptimizerSettings optimizer;  ///< SGD
  double initial_lr = 0.1;
  double warmup_epochs = 0;
  std::string schedule = "multistep";
  std::vector<double> milestones = {80, 120};
  double gamma = 0.1;
  bool fresh_momentum = false;

  AugmentSettings augment;
  std::int64_t limit = 0;
  ClassifierTrainingSettings training;
};

/// Registers all of them.
void add_distill_settings(Cli& cli, DistillSettings& settings);

/// Sets what the command line and the configuration leave open to the values of the protocol. After parse().
void apply_protocol(const Cli& cli, DistillSettings& settings);

/// The task's options for these settings; epochs become steps. Throws UsageError.
StudentOptions distillation_options(const DistillSettings& settings, const ImageDataset& train);

/// The protocols with their settings, a row each, for documentation: "ie-kd: 160 epochs of batches of 128, ...".
std::string protocol_help();

}  // namespace engram::apps
