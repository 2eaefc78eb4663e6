#pragma once
/// The settings of engram-score.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/classifier_options.h"
#include "apps/common/common_options.h"

namespace engram::apps {

/// Everything that engram-score reads from its command line or configuration file.
struct ScoreSettings {
  CommonOptions common;
  std::filesystem::path made, real, classifier;
  std::vector<std::string> extractors, judges;
  std::string dataset = "auto";
  ClassifierOptions assumed;
  std::int64_t limit = 0, real_limit = 0, batch_size = 256;
  std::int64_t neighbors = 5, neighborhood_images = 10000, splits = 10, pictures = 10;
  int resamples = 200;
  bool statistics = false;
};

/// Registers all of them.
void add_score_settings(Cli& cli, ScoreSettings& settings);

}  // namespace engram::apps
