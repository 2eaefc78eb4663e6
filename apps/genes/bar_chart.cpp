#include "apps/genes/bar_chart.h"

#include <algorithm>
#include <cmath>

#include "apps/common/chart_axis.h"
#include "apps/genes/svg_canvas.h"

namespace engram::apps {
namespace {

constexpr double kChartWidth = 560, kBarRow = 22, kAxisTop = 22, kAxisBottom = 24, kValueWidth = 70,
                 kLabelCharacter = 7.4;

/// Names at the left, a scale from 0 at the right.
class RowFrame {
 public:
  RowFrame(const std::string& title, std::size_t rows, std::size_t longest_name, double maximum)
      : left_(16 + kLabelCharacter * double(std::max<std::size_t>(longest_name, 4))),
        bottom_(kAxisTop + kBarRow * double(rows)),
        axis_(ChartAxis::linear(0, maximum)),
        canvas_(kChartWidth, bottom_ + kAxisBottom, "chart", title) {
    for (const AxisTick& tick : axis_.ticks()) {
      const double at = left_ + tick.position * (kChartWidth - kValueWidth - left_);
      canvas_.line(at, kAxisTop, at, bottom_, "rule");
      canvas_.text(at, bottom_ + 16, "axis-middle", tick.label);
    }
  }

  double x(double value) const {
    return left_ + std::clamp(axis_.position(value), 0.0, 1.0) * (kChartWidth - kValueWidth - left_);
  }
  static double y(std::size_t row) { return kAxisTop + kBarRow * (double(row) + 0.5); }

  void name(std::size_t row, const std::string& text) { canvas_.text(left_ - 8, y(row) + 4, "axis-end", text); }

  void threshold(const BarThreshold& t) {
    canvas_.line(x(t.value), kAxisTop - 4, x(t.value), bottom_, "threshold");
    canvas_.text(x(t.value), kAxisTop - 8, "axis-middle", t.label);
  }

  SvgCanvas& canvas() { return canvas_; }

 private:
  double left_, bottom_;
  ChartAxis axis_;
  SvgCanvas canvas_;
};

template <class Row>
std::size_t longest_name(const std::vector<Row>& rows) {
  std::size_t longest = 0;
  for (const Row& row : rows) longest = std::max(longest, row.name.size());
  return longest;
}

}  // namespace

Html bar_chart(const std::string& title, const std::vector<BarRow>& rows, double maximum,
               const std::vector<BarThreshold>& thresholds) {
  RowFrame frame(title, rows.size(), longest_name(rows), maximum);
  SvgCanvas& canvas = frame.canvas();
  std::vector<double> ends;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const BarRow& row = rows[i];
    const double y = RowFrame::y(i), value = std::isfinite(row.value) ? std::max(row.value, 0.0) : 0;
    frame.name(i, row.name);
    canvas.rectangle(frame.x(0), y - 7, std::max(frame.x(value) - frame.x(0), 1.0), 14,
                     row.emphasised ? Markup("bar strong") : Markup("bar"), row.name + ": " + row.text);
    if (row.error > 0) canvas.line(frame.x(value - row.error), y, frame.x(value + row.error), y, "error-bar");
    ends.push_back(frame.x(value + row.error) + 6);
  }
  for (const BarThreshold& t : thresholds) frame.threshold(t);
  // Last, so that no line runs through them.
  for (std::size_t i = 0; i < rows.size(); ++i) canvas.text(ends[i], RowFrame::y(i) + 4, "bar-text", rows[i].text);
  return canvas.finish();
}

Html dot_chart(const std::string& title, const std::vector<DotRow>& rows, const std::vector<BarThreshold>& thresholds) {
  double maximum = 0;
  for (const BarThreshold& t : thresholds) maximum = std::max(maximum, 1.2 * t.value);
  for (const DotRow& row : rows) maximum = std::max({maximum, std::abs(row.before), std::abs(row.after)});
  RowFrame frame(title, rows.size(), longest_name(rows), maximum > 0 ? maximum : 1);
  SvgCanvas& canvas = frame.canvas();
  for (const BarThreshold& t : thresholds) frame.threshold(t);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = RowFrame::y(i), before = frame.x(std::abs(rows[i].before)),
                 after = frame.x(std::abs(rows[i].after));
    frame.name(i, rows[i].name);
    canvas.line(before, y, after, y, "rule");
    canvas.circle(before, y, 4.5, "dot open", rows[i].name + " before: " + number_text(std::abs(rows[i].before), 2));
    canvas.circle(after, y, 4.5, "dot", rows[i].name + " after: " + number_text(std::abs(rows[i].after), 2));
  }
  return canvas.finish();
}

}  // namespace engram::apps
