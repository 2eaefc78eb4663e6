#pragma once
/// What engram-score reads: the classifiers that look at images, made images, and real ones or their statistics.

#include <optional>
#include <string>
#include <vector>

#include "apps/common/program.h"
#include "apps/common/score_settings.h"
#include "models/classifier_file.h"
#include "models/methods/metrics/feature_statistics.h"

namespace engram::apps {

/// A classifier that looks at the images.
struct Viewer {
  std::string label, file, sha256;
  Classifier classifier;
};

/// All of it.
struct ScoreInputs {
  std::vector<Viewer> extractors = {}, judges = {};
  std::string inverted_sha256 = {};  ///< of the classifier that the images were made from; empty: not known
  ImageDataset made = {}, real = {}, test = {};
  std::optional<FeatureStatistics> statistics = {};  ///< instead of real images
};

/// Reads what the settings name and adds it to what the run depends on. Throws UsageError for settings that lack
/// something, DataError for images and classifiers that do not fit each other, and what the readers throw.
ScoreInputs read_score_inputs(const ScoreSettings& settings, Program& program);

}  // namespace engram::apps
