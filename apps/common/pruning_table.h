#pragma once
/// What pruning left of a classifier, at one or several ratios, for people and for programs.

#include <optional>
#include <string>
#include <vector>

#include "apps/common/html.h"
#include "kernels/common/types.h"

namespace engram::apps {

/// A pruned network.
struct PruningPoint {
  double ratio = 0;
  dim_t parameters = 0, macs = 0;
  double pruned_accuracy = 0;                     ///< as it was cut
  std::optional<double> recovered_accuracy = {};  ///< after training; empty without images
};

/// A curve.
struct PruningTable {
  std::string method, arch, source;  ///< source: of the images to recover with
  dim_t images = 0;                  ///< how many
  dim_t parameters = 0, macs = 0;    ///< before
  double accuracy = 0;               ///< before
  std::vector<PruningPoint> points;
};

/// Lines for the terminal.
std::string pruning_text(const PruningTable& table);

/// The file that holds a run's table.
inline constexpr const char* kPruningFile = "pruning.json";

/// JSON object of all of it.
std::string pruning_json(const PruningTable& table);

/// The section of a report, with the curve, that a text as pruning_json makes it asks for. Empty for any other text.
Html pruning_section(const std::string& json);

}  // namespace engram::apps
