#pragma once
/// Effects with confidence intervals, one line a gene.

#include <optional>
#include <string>
#include <vector>

#include "apps/common/html.h"

namespace engram::apps {

/// An estimate on the log scale.
struct ForestInterval {
  double effect = 0, low = 0, high = 0;
};

/// One gene of a forest plot. Estimates are on the log scale and are shown as ratios.
struct ForestRow {
  std::string name;
  std::string patients;  ///< "101 (52 treated)"
  double effect = 0, low = 0, high = 0;
  std::optional<ForestInterval> naive;  ///< drawn thin, under the line
  std::string note;                     ///< at the end of the line: a p-value
  bool emphasised = false;              ///< passes every check; otherwise drawn hollow
};

struct ForestLabels {
  std::string patients, ratio, note;  ///< headings of the columns
  std::string left, right;            ///< what a ratio below and above 1 means
};

/// "1.10 (1.05 to 1.16)" of log ratios; values above 1000 are ">1000".
std::string ratio_text(double effect, double low, double high);

/// A line of text and an <svg> with interval and square for each row, a rule at the ratio 1, an axis below. On narrow
/// screens the numbers stand above and below the drawing, so that nothing is out of sight. Rows whose numbers are not
/// finite show their name only.
Html forest_chart(const std::string& title, const std::vector<ForestRow>& rows, const ForestLabels& labels);

}  // namespace engram::apps
