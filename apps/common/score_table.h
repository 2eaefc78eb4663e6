#pragma once
/// The scores of a set of made images, for people and for programs.

#include <map>
#include <string>
#include <vector>

#include "apps/common/html.h"
#include "models/methods/metrics/quality.h"

namespace engram::apps {

/// What one extractor says.
struct ExtractorScore {
  std::string label;  ///< "wrn-16-2", unique in the table
  std::string file;
  dim_t features = 0;       ///< values of its vector
  bool independent = true;  ///< false: the classifier that the images were made from
  Quality quality = {};
  bool has_neighborhoods = true;  ///< precision, recall, density and coverage need real images, not statistics
  /// FID of other real images, by what they are: "train, half against half".
  std::vector<std::pair<std::string, double>> floors = {};
};

/// The share of images that a classifier takes for the class they were made for.
struct JudgeScore {
  std::string label;
  std::string role;  ///< "inverted classifier", "extractor", "judge"
  Measured accuracy;
};

/// The colours of one channel.
struct ChannelRow {
  std::string name;
  double made_mean, made_deviation, real_mean, real_deviation;
};

/// The whole table.
struct ScoreTable {
  dim_t made = 0, real = 0, neighborhood_images = 0, neighbors = 0;
  std::string made_source, real_source;
  std::vector<ExtractorScore> extractors;
  std::vector<JudgeScore> judges;
  std::vector<ChannelRow> channels;
  double class_color_distance = -1;  ///< negative: not known
  std::vector<std::string> warnings;
};

/// Means over the independent extractors under the names that a run's metrics have: "fid", "precision", "recall",
/// "density", "coverage", "inception_score"; and "judge_accuracy", "classifier_accuracy". Only what is known.
std::map<std::string, double> headline(const ScoreTable& table);

/// Lines for the terminal, the warnings last.
std::string score_text(const ScoreTable& table);

/// A line an extractor and a line a judge, with every number and interval.
std::string score_csv(const ScoreTable& table);

/// The file that holds a run's table.
inline constexpr const char* kScoreFile = "score.json";

/// JSON object of all of it; numbers that are not known are null.
std::string score_json(const ScoreTable& table);

/// The section of a report that a text as score_json makes it asks for. Empty for any other text.
Html score_section(const std::string& json);

}  // namespace engram::apps
