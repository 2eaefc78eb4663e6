#pragma once
/// The settings of engram-ood, and what they mean to the library.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/common_options.h"
#include "apps/common/data_settings.h"
#include "apps/common/optimizer_settings.h"
#include "models/data/environment_stager.h"
#include "models/methods/ood/ood_task.h"

namespace engram::apps {

/// Images as they are.
AugmentSettings no_augmentation();

/// Everything that engram-ood reads from its command line or configuration file. Lengths are in steps.
struct OodSettings {
  CommonOptions common;
  std::string method = "erm";
  std::string protocol = "colored-mnist";
  std::filesystem::path data;
  std::vector<std::string> held_out;
  std::string contexts = "own";  ///< or "environment", "none"
  bool pool = false;

  std::string arch = "mlp";
  bool binary_logit = false;
  std::filesystem::path init;

  std::int64_t steps = 500;
  std::int64_t batch_size = 0;
  OptimizerSettings optimizer = {.rule = "adam", .lr = 1e-3, .weight_decay = 0};
  double l2 = 0;
  double clip_norm = 0;
  std::string schedule = "constant";
  std::int64_t warmup_steps = 0;
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
  double final_lr = 0;
  std::string average = "none";
  std::int64_t average_from = 0;
  double average_decay = 0.999;
  AugmentSettings augment = no_augmentation();

  std::int64_t trials = 1;
  bool leave_one_out = false;
  std::int64_t evaluate_every = 100;
  std::int64_t checkpoint_steps = 0;
  bool pictures = true;
  bool graph = true;
};

/// Registers all of them.
void add_ood_settings(Cli& cli, OodSettings& settings);

/// The task's options for these settings. Throws UsageError.
OodOptions ood_options(const OodSettings& settings);

/// How images are taken from the training environments.
EnvironmentPlan environment_plan(const OodSettings& settings);

/// The images of the settings' protocol, with the second labels that --contexts asks for, pooled where --pool does.
/// Throws as read_ood_data.
OodData read_ood_images(const OodSettings& settings);

}  // namespace engram::apps
