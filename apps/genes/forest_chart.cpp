#include "apps/genes/forest_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "apps/common/svg_chart.h"
#include "apps/genes/svg_canvas.h"

namespace engram::apps {
namespace {

// In units of the drawings of the rows, which are scaled to the width of their column.
constexpr double kForestWidth = 360, kForestRow = 30, kSide = 10, kAxis = 44;

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
    return kSide + (std::clamp(log_ratio, low_, high_) - low_) / (high_ - low_) * (kForestWidth - 2 * kSide);
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

Html interval(const ForestRow& row, const RatioScale& scale) {
  constexpr double kMiddle = kForestRow / 2;
  SvgCanvas canvas(kForestWidth, kForestRow, "forest-plot",
                   row.name + ": " + ratio_text(row.effect, row.low, row.high));
  canvas.line(scale.x(0), 0, scale.x(0), kForestRow, "forest-one");
  canvas.line(scale.x(row.low), kMiddle, scale.x(row.high), kMiddle, "forest-interval");
  for (double end : {row.low, row.high})
    canvas.line(scale.x(end), kMiddle - 4, scale.x(end), kMiddle + 4, "forest-interval");
  if (row.naive) {
    constexpr double kBelow = kMiddle + 9;
    const double x = scale.x(row.naive->effect);
    canvas.line(scale.x(row.naive->low), kBelow, scale.x(row.naive->high), kBelow, "forest-naive");
    canvas.line(x, kBelow - 2, x, kBelow + 2, "forest-naive");
  }
  canvas.rectangle(scale.x(row.effect) - 5, kMiddle - 5, 10, 10,
                   row.emphasised ? Markup("forest-mark") : Markup("forest-mark open"), row.name);
  return canvas.finish();
}

Html axis(const RatioScale& scale, const ForestLabels& labels) {
  SvgCanvas canvas(kForestWidth, kAxis, "forest-plot", "axis of ratios");
  canvas.line(0, 0.5, kForestWidth, 0.5, "rule");
  for (double tick : scale.ticks()) {
    const double x = scale.x(std::log(tick));
    canvas.line(x, 0, x, 4, "rule");
    canvas.text(std::clamp(x, 12.0, kForestWidth - 12), 17, "axis-middle", number_text(tick, 3));
  }
  // Each text on its side of the ratio 1, where there is room for it.
  constexpr double kCharacter = 6.6;
  const double one = scale.x(0);
  const std::string left = "\u2190 " + labels.left, right = labels.right + " \u2192";
  if (one > kCharacter * double(left.size())) canvas.text(one - 8, 36, "axis-end", left);
  if (kForestWidth - one > kCharacter * double(right.size())) canvas.text(one + 8, 36, "forest-axis", right);
  return canvas.finish();
}

void cell(Markup css_class, const std::string& column, const std::string& text, Html& out) {
  out.markup("<span class=\"").markup(css_class).markup("\" data-column=\"").text(column).markup("\">");
  out.text(text).markup("</span>");
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
  const RatioScale scale(rows);
  Html out;
  out.markup("<div class=\"forest\" role=\"group\" aria-label=\"").text(title).markup("\">\n");
  out.markup("<div class=\"forest-row forest-head\"><span></span><span></span>").element("span", labels.patients);
  out.markup("<span></span>").element("span", labels.ratio).element("span", labels.note).markup("</div>\n");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ForestRow& row = rows[i];
    out.markup("<div class=\"forest-row\">");
    cell("forest-rank", "", std::to_string(i + 1), out);
    cell("forest-name", "", row.name, out);
    cell("forest-patients", labels.patients, row.patients, out);
    out.html(is_finite(row) ? interval(row, scale) : Html().element("span", ""));
    cell("forest-ratio", "", is_finite(row) ? ratio_text(row.effect, row.low, row.high) : "", out);
    cell("forest-note", labels.note, row.note, out);
    out.markup("</div>\n");
  }
  out.markup("<div class=\"forest-row\"><span></span><span></span><span></span>").html(axis(scale, labels));
  return out.markup("</div>\n</div>\n");
}

}  // namespace engram::apps
