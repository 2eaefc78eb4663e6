#include "apps/genes/forest_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "apps/common/svg_chart.h"
#include "apps/genes/svg_canvas.h"

namespace engram::apps {
namespace {

// In units of the drawing.
constexpr double kWidth = 940, kRow = 32, kTop = 34, kBottom = 62;
constexpr double kName = 30, kPatients = 122, kPlotLeft = 290, kPlotRight = 650, kRatio = 674, kNote = 838;

/// Ratios that may stand at the axis.
constexpr std::array<double, 27> kTicks = {0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,  1.1, 1.2, 1.3,
                                           1.4,  1.5, 1.6, 1.8, 2,   2.5, 3,   4,   5,   7,   10, 20,  50};
constexpr double kTickDistance = 38;

bool is_finite(const ForestRow& row) {
  return std::isfinite(row.effect) && std::isfinite(row.low) && std::isfinite(row.high);
}

/// From log ratios to positions.
class RatioScale {
 public:
  explicit RatioScale(const std::vector<ForestRow>& rows) {
    ValueRange range;
    range.include(0);
    for (const ForestRow& row : rows) {
      if (!is_finite(row)) continue;
      range.include(row.low);
      range.include(row.high);
    }
    const double room = std::max(0.05 * (range.high - range.low), 0.02);
    low_ = std::max(range.low - room, std::log(0.02));
    high_ = std::min(range.high + room, std::log(100.0));
  }

  double x(double log_ratio) const {
    return kPlotLeft + (std::clamp(log_ratio, low_, high_) - low_) / (high_ - low_) * (kPlotRight - kPlotLeft);
  }

  /// Ratios within the scale, 1 always, not too close to each other.
  std::vector<double> ticks() const {
    std::vector<double> kept = {1};
    for (double tick : kTicks) {
      const double at = std::log(tick);
      if (at < low_ || at > high_) continue;
      const bool free = std::ranges::all_of(
          kept, [&](double other) { return std::abs(x(std::log(other)) - x(at)) >= kTickDistance; });
      if (free) kept.push_back(tick);
    }
    return kept;
  }

 private:
  double low_, high_;
};

void draw_row(const ForestRow& row, double y, const RatioScale& scale, SvgCanvas& canvas) {
  canvas.text(kName, y + 5, "forest-name", row.name);
  canvas.text(kPatients, y + 5, "forest-text", row.patients);
  canvas.text(kNote, y + 5, "forest-text", row.note);
  if (!is_finite(row)) return;
  const double x = scale.x(row.effect);
  const std::string ratio = ratio_text(row.effect, row.low, row.high);
  canvas.line(scale.x(row.low), y, scale.x(row.high), y, "forest-interval");
  for (double end : {row.low, row.high}) canvas.line(scale.x(end), y - 4, scale.x(end), y + 4, "forest-interval");
  canvas.rectangle(x - 5, y - 5, 10, 10, row.emphasised ? Markup("forest-mark") : Markup("forest-mark open"),
                   row.name + ": " + ratio);
  canvas.text(kRatio, y + 5, "forest-number", ratio);
}

void draw_axis(double bottom, const RatioScale& scale, const ForestLabels& labels, SvgCanvas& canvas) {
  canvas.line(kPlotLeft, bottom, kPlotRight, bottom, "rule");
  for (double tick : scale.ticks()) {
    const double x = scale.x(std::log(tick));
    canvas.line(x, bottom, x, bottom + 4, "rule");
    canvas.text(x, bottom + 18, "axis-middle", number_text(tick, 3));
  }
  const double one = scale.x(0);
  canvas.line(one, kTop - 8, one, bottom, "forest-one");
  if (one - kPlotLeft > 60) canvas.text(one - 8, bottom + 38, "axis-end", "\u2190 " + labels.left);
  canvas.text(one + 8, bottom + 38, "forest-axis", labels.right + " \u2192");
}

/// A ratio with two decimals. Beyond 1000 the data do not say more than that it is large.
std::string one_ratio(double log_ratio) {
  constexpr double kLargest = 1000;
  if (log_ratio > std::log(kLargest)) return ">1000";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", std::exp(log_ratio));
  return text;
}

}  // namespace

std::string ratio_text(double effect, double low, double high) {
  return one_ratio(effect) + " (" + one_ratio(low) + " to " + one_ratio(high) + ")";
}

Html forest_chart(const std::string& title, const std::vector<ForestRow>& rows, const ForestLabels& labels) {
  const double bottom = kTop + kRow * double(rows.size()), height = bottom + kBottom;
  SvgCanvas canvas(kWidth, height, "chart wide", title);
  canvas.text(kPatients, 18, "forest-head", labels.patients);
  canvas.text(kRatio, 18, "forest-head", labels.ratio);
  canvas.text(kNote, 18, "forest-head", labels.note);
  const RatioScale scale(rows);
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i % 2 == 0) canvas.rectangle(0, kTop + kRow * double(i), kWidth, kRow, "stripe");
  draw_axis(bottom, scale, labels, canvas);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double y = kTop + kRow * (double(i) + 0.5);
    canvas.text(22, y + 5, "axis-end", std::to_string(i + 1));
    draw_row(rows[i], y, scale, canvas);
  }
  return canvas.finish();
}

}  // namespace engram::apps
