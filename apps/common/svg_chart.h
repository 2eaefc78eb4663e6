#pragma once
/// Line charts as SVG inside HTML.

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "apps/common/html.h"

namespace engram::apps {

/// A number at a step.
struct ChartPoint {
  double step = 0;
  double value = 0;  ///< a value that is not finite leaves a gap in the line
};

/// A line of a chart: points in the order in which they were written.
struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;
};

/// The most lines in one chart: as many as there are colours and dash patterns.
inline constexpr std::size_t kMaxChartSeries = 8;

/// The smallest and largest finite value; empty when low > high.
struct ValueRange {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  /// Whether the values ask for a logarithmic scale: all positive, the largest 50 times the smallest or more.
  bool wants_log_scale() const { return !empty() && low > 0 && high / low >= 50; }
  void include(double value);
  void include(const ValueRange& other);
};

/// The range of a line's values.
ValueRange value_range(const ChartSeries& series);

/// Whether a chart of the line would say no more than its ends do: fewer than three finite values, all equal, or all
/// (to a millionth of their range) on the straight line from the first to the last.
bool is_straight(const ChartSeries& series);

/// A chart of up to kMaxChartSeries lines (further ones are left out) over a common axis of steps: <svg> with axes,
/// ticks and lines. `title` is its accessible name. Lines with many points are thinned so that minima and maxima stay.
/// Colours are those of the classes s0 to s7 of chart_style(). Series without finite values show empty axes.
/// Where all names are shares (is_share) and all values lie between 0 and 1, the axis has percentages.
Html svg_chart(const std::string& title, std::span<const ChartSeries> series);

/// A table that is the chart's legend as well: for every line its colour, name, last, smallest and largest value, as
/// value_text writes them.
Html chart_legend(std::span<const ChartSeries> series);

/// The style rules of charts and legends, for light and dark colour schemes.
Markup chart_style();

}  // namespace engram::apps
