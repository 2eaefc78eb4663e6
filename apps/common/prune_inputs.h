#pragma once
/// What engram-prune reads: the classifier, images to test on and to recover with; and the ratios that it will cut by.

#include <string>
#include <vector>

#include "apps/common/program.h"
#include "apps/common/prune_settings.h"
#include "models/classifier_file.h"
#include "models/data/dataset.h"

namespace engram::apps {

/// All of it.
struct PruneInputs {
  Classifier classifier = {};
  ImageDataset images = {}, test = {};  ///< images: none without --finetune
  std::vector<double> ratios = {};      ///< ascending, each once
};

/// Reads what the settings name and adds it to what the run depends on. Throws UsageError for settings and ratios that
/// do not fit each other and for ratios that would empty a layer, DataError for images of other classes, and what the
/// readers throw.
PruneInputs read_prune_inputs(const PruneSettings& settings, Program& program);

/// The channels that stay at a ratio of the channels, by the settings' method. Throws UsageError, with the largest
/// possible ratio, where a layer would lose all.
std::vector<ChannelMask> channel_masks(const PruneSettings& settings, Network& network, double ratio);

/// The file of a result: pruned_0300.safetensors for a ratio of 0.03.
std::string result_name(double ratio);

}  // namespace engram::apps
