#pragma once
/// The settings of engram-invert, and what they mean to the methods.

#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/classifier_options.h"
#include "apps/common/common_options.h"
#include "models/methods/inversion/inversion.h"

namespace engram::apps {

/// Everything that engram-invert reads from its command line or configuration file. A negative loss weight stands for
/// the published one.
struct InvertSettings {
  CommonOptions common;
  std::filesystem::path classifier;
  ClassifierOptions assumed;
  std::filesystem::path student;  ///< for methods whose images compete with one; empty: none

  std::string method = "natural-inversion";
  std::int64_t batch_size = 256;
  std::int64_t num_batches = 1;
  std::string shard = "1/1";    ///< which part of the batches this run makes
  std::int64_t iterations = 0;  ///< 0: as published, until complete_settings
  double bn_weight = -1, tv_weight = -1, l2_weight = -1;
  double lr_generator = 1e-3, lr_pyramid = 5e-4, lr_alpha = 5e-2, lr_pixels = 5e-2;
  std::int64_t max_shift = 2;
  bool plain_addition = false;
  bool pyramid = true, channel_scaling = true, one_generator = false;
  bool graph = true;

  std::string pixels = "per-image";
  std::int64_t grid_every = 100;
  std::int64_t grid_images = 100;
  std::int64_t checkpoint_steps = 500;
};

/// Registers all of them.
void add_invert_settings(Cli& cli, InvertSettings& settings);

/// Puts the method's published number of iterations where none is given. Throws UsageError for an unknown method.
void complete_settings(InvertSettings& settings, int num_classes);

/// The batches of the settings' shard "I/N": every N-th from number I - 1 on. Throws UsageError for other text, and for
/// several parts of a method whose batches follow each other.
std::vector<std::int64_t> batches_of_shard(const InvertSettings& settings);

/// The method's options; `num_classes` chooses the published loss weights where none are given.
InversionOptions inversion_options(const InvertSettings& settings, int num_classes);

}  // namespace engram::apps
