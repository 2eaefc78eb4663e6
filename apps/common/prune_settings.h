#pragma once
/// The settings of engram-prune, and what they mean to the method.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/classifier_options.h"
#include "apps/common/data_settings.h"
#include "apps/common/optimizer_settings.h"
#include "models/methods/compression/prune.h"
#include "models/methods/compression/recovery.h"

namespace engram::apps {

/// Everything that engram-prune reads from its command line or configuration file.
struct PruneSettings {
  CommonOptions common;
  std::filesystem::path classifier, data, finetune;
  ClassifierOptions assumed;
  std::string method = "slimming", dataset = "auto", finetune_dataset = "auto", published = "none";
  std::vector<double> ratios = {0.5}, stage_ratios;
  std::vector<std::int64_t> skip;
  std::int64_t limit = 0;

  double sparsity = 1e-4, sparse_lr = 0.01;
  std::int64_t sparse_epochs = 0;

  std::int64_t epochs = 40, batch_size = 64;
  OptimizerSettings optimizer = {.lr = 1e-3, .nesterov = false, .weight_decay = 1e-4};
  std::string schedule = "constant";
  double label_weight = 1, distill_weight = 0, temperature = 2;
  AugmentSettings augment;
  bool graph = true;
};

/// Registers all of them.
void add_prune_settings(Cli& cli, PruneSettings& settings);

/// Throws UsageError for settings that exclude each other.
void check_prune_settings(const PruneSettings& settings);

/// Whether shares of the channels are given stage by stage, by the settings or by a published plan.
bool has_stage_shares(const PruneSettings& settings);

/// What L1 pruning takes at one ratio.
FilterPlan filter_plan(const PruneSettings& settings, double ratio);

/// How a pruned network recovers.
RecoveryOptions recovery_options(const PruneSettings& settings);

}  // namespace engram::apps
