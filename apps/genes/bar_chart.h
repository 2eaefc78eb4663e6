#pragma once
/// Horizontal bars with error bars and threshold lines, and pairs of dots, one line a name.

#include <string>
#include <vector>

#include "apps/common/html.h"

namespace engram::apps {

/// One bar.
struct BarRow {
  std::string name;
  double value = 0;
  double error = 0;         ///< half the length of an error bar; 0 draws none
  std::string text;         ///< at the bar's end
  bool emphasised = false;  ///< drawn in the stronger colour
};

/// A vertical line with its label.
struct BarThreshold {
  double value = 0;
  std::string label;
};

/// Bars from 0 to `maximum`, in the order given.
Html bar_chart(const std::string& title, const std::vector<BarRow>& rows, double maximum,
               const std::vector<BarThreshold>& thresholds = {});

/// A pair of values: before (hollow) and after (filled).
struct DotRow {
  std::string name;
  double before = 0, after = 0;
};

/// Dots on a line from 0; values are shown as magnitudes.
Html dot_chart(const std::string& title, const std::vector<DotRow>& rows, const std::vector<BarThreshold>& thresholds);

}  // namespace engram::apps
