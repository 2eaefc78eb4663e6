#include "apps/common/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/common/chart_axis.h"

namespace engram::apps {
namespace {

// In units of the drawing, which is scaled to the width of its column: small enough that text stays readable on a
// phone.
constexpr double kWidth = 420, kHeight = 250, kTop = 10, kBottom = 36, kRight = 12, kCharacter = 7.4;
constexpr std::size_t kBuckets = 300;  // of a thinned line; more cannot be seen

/// Ranges of the steps and values of points that are drawn.
struct Extent {
  ValueRange steps, values;
};

Extent extent_of(std::span<const ChartSeries> series) {
  Extent e;
  for (const ChartSeries& line : series) {
    for (const ChartPoint& p : line.points) {
      if (std::isfinite(p.value)) e.steps.include(p.step);
    }
    e.values.include(value_range(line));
  }
  return e;
}

/// Minimum and maximum of every run of neighbouring points, in their order.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points) {
  if (points.size() <= 2 * kBuckets) return points;
  std::vector<ChartPoint> kept;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const std::size_t begin = bucket * points.size() / kBuckets, end = (bucket + 1) * points.size() / kBuckets;
    std::size_t low = end, high = end;
    for (std::size_t i = begin; i < end; ++i) {
      if (!std::isfinite(points[i].value)) continue;
      if (low == end || points[i].value < points[low].value) low = i;
      if (high == end || points[i].value > points[high].value) high = i;
    }
    if (low == end) {
      kept.push_back(points[begin]);  // nothing finite: the gap stays
      continue;
    }
    kept.push_back(points[std::min(low, high)]);
    if (low != high) kept.push_back(points[std::max(low, high)]);
  }
  return kept;
}

/// A coordinate, to a tenth of a unit.
std::string coordinate(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

ChartAxis value_axis(const ValueRange& values, bool shares) {
  if (shares) return ChartAxis::linear(values.low, values.high, 0.04).as_percentages();
  if (values.wants_log_scale()) return ChartAxis::logarithmic(values.low, values.high);
  return ChartAxis::linear(values.low, values.high, 0.04);
}

/// Draws into one rectangle with one pair of scales.
class Plot {
 public:
  Plot(const Extent& e, bool shares)
      : x_(ChartAxis::linear(e.steps.low, e.steps.high)), y_(value_axis(e.values, shares)) {
    std::size_t longest = 3;
    for (const AxisTick& tick : y_.ticks()) longest = std::max(longest, tick.label.size());
    left_ = 12 + kCharacter * static_cast<double>(longest);
  }

  Html axes() const {
    Html out;
    for (const AxisTick& tick : y_.ticks()) horizontal_mark(tick, out);
    for (const AxisTick& tick : x_.ticks()) vertical_mark(tick, out);
    label(kWidth - kRight, kHeight - 3, "axis-end", y_.is_log() ? "step (values on a log scale)" : "step", out);
    return out;
  }

  /// The path of one line; a point without neighbours becomes a dot (a line of no length with round ends).
  Html line(const ChartSeries& series, std::size_t index) const {
    std::string path;
    bool drawing = false;
    for (const ChartPoint& p : thinned(series.points)) {
      if (!std::isfinite(p.value)) {
        drawing = false;
        continue;
      }
      path += (drawing ? "L" : "M") + coordinate(x(x_.position(p.step))) + " " + coordinate(y(y_.position(p.value)));
      if (!drawing) path += "h0";
      drawing = true;
    }
    Html out;
    out.markup("<path class=\"line s").text(std::to_string(index)).markup("\" d=\"").text(path);
    return out.markup("\"><title>").text(series.name).markup("</title></path>\n");
  }

 private:
  double x(double position) const { return left_ + position * (kWidth - kRight - left_); }
  double y(double position) const { return kHeight - kBottom - position * (kHeight - kBottom - kTop); }

  static void rule(double x1, double y1, double x2, double y2, Html& out) {
    out.markup("<line class=\"rule\" x1=\"").text(coordinate(x1)).markup("\" y1=\"").text(coordinate(y1));
    out.markup("\" x2=\"").text(coordinate(x2)).markup("\" y2=\"").text(coordinate(y2)).markup("\"/>\n");
  }

  static void label(double x, double y, Markup css_class, const std::string& text, Html& out) {
    out.markup("<text class=\"").markup(css_class).markup("\" x=\"").text(coordinate(x)).markup("\" y=\"");
    out.text(coordinate(y)).markup("\">").text(text).markup("</text>\n");
  }

  void horizontal_mark(const AxisTick& tick, Html& out) const {
    rule(left_, y(tick.position), kWidth - kRight, y(tick.position), out);
    label(left_ - 6, y(tick.position) + 4, "axis-end", tick.label, out);
  }

  void vertical_mark(const AxisTick& tick, Html& out) const {
    const double at = x(tick.position), bottom = kHeight - kBottom;
    rule(at, bottom, at, bottom + 4, out);
    // A label in the middle under the last mark would leave the drawing.
    const bool at_end = at + kCharacter * static_cast<double>(tick.label.size()) / 2 > kWidth;
    if (at_end) {
      label(kWidth, bottom + 16, "axis-end", tick.label, out);
    } else {
      label(at, bottom + 16, "axis-middle", tick.label, out);
    }
  }

  ChartAxis x_, y_;
  double left_;
};

/// A smallest or largest value and its step.
Html extreme_cell(const std::string& name, const ChartPoint* p) {
  Html out;
  if (p == nullptr) return out.element("td", "none");
  out.markup("<td>").text(value_text(name, p->value)).markup(" <small>at ").text(number_text(p->step, 12));
  return out.markup("</small></td>");
}

Html legend_row(const ChartSeries& line, std::size_t index) {
  const ChartPoint *last = nullptr, *low = nullptr, *high = nullptr;
  for (const ChartPoint& p : line.points) {
    last = &p;
    if (!std::isfinite(p.value)) continue;
    if (low == nullptr || p.value < low->value) low = &p;
    if (high == nullptr || p.value > high->value) high = &p;
  }
  Html out;
  out.markup("<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"line s");
  out.text(std::to_string(index)).markup("\" d=\"M1 4h22\"/></svg>").text(line.name).markup("</th>");
  out.element("td", last == nullptr ? "none" : value_text(line.name, last->value));
  out.html(extreme_cell(line.name, low)).html(extreme_cell(line.name, high));
  return out.markup("</tr>\n");
}

}  // namespace

void ValueRange::include(double value) {
  if (!std::isfinite(value)) return;
  low = std::min(low, value);
  high = std::max(high, value);
}

void ValueRange::include(const ValueRange& other) {
  low = std::min(low, other.low);
  high = std::max(high, other.high);
}

ValueRange value_range(const ChartSeries& series) {
  ValueRange range;
  for (const ChartPoint& p : series.points) range.include(p.value);
  return range;
}

bool is_straight(const ChartSeries& series) {
  std::vector<ChartPoint> finite;
  for (const ChartPoint& p : series.points)
    if (std::isfinite(p.value)) finite.push_back(p);
  if (finite.size() < 3) return true;
  const ChartPoint first = finite.front(), last = finite.back();
  const ValueRange range = value_range(series);
  if (range.low == range.high) return true;
  if (last.step == first.step) return false;
  const double slope = (last.value - first.value) / (last.step - first.step);
  return std::all_of(finite.begin(), finite.end(), [&](const ChartPoint& p) {
    return std::abs(first.value + slope * (p.step - first.step) - p.value) <= 1e-6 * (range.high - range.low);
  });
}

Html svg_chart(const std::string& title, std::span<const ChartSeries> series) {
  series = series.first(std::min(series.size(), kMaxChartSeries));
  Extent extent = extent_of(series);
  if (extent.values.empty()) extent = {{0, 1}, {0, 1}};
  const bool shares = extent.values.low >= 0 && extent.values.high <= 1 &&
                      std::all_of(series.begin(), series.end(), [](const ChartSeries& s) { return is_share(s.name); });
  const Plot plot(extent, shares);
  Html out;
  out.markup("<svg class=\"chart\" role=\"img\" viewBox=\"0 0 ").text(number_text(kWidth)).markup(" ");
  out.text(number_text(kHeight)).markup("\" aria-label=\"").text("Line chart of " + title + " over the steps");
  out.markup("\">\n").html(plot.axes());
  for (std::size_t i = 0; i < series.size(); ++i) out.html(plot.line(series[i], i));
  return out.markup("</svg>\n");
}

Html chart_legend(std::span<const ChartSeries> series) {
  Html out;
  out.markup("<table class=\"legend\"><thead><tr><th scope=\"col\">series</th><th scope=\"col\">last</th>");
  out.markup("<th scope=\"col\">min</th><th scope=\"col\">max</th></tr></thead><tbody>\n");
  for (std::size_t i = 0; i < series.size() && i < kMaxChartSeries; ++i) out.html(legend_row(series[i], i));
  return out.markup("</tbody></table>\n");
}

Markup chart_style() {
  // All colours stand out from their background by 3:1 or more; dashes help those who cannot tell them apart.
  return R"(
:root{--s0:#1f6fb4;--s1:#c25100;--s2:#1d7f4e;--s3:#8548b8;--s4:#c2185b;--s5:#0b7a8a;--s6:#8a5a2b;--s7:#5a6270}
@media(prefers-color-scheme:dark){
:root{--s0:#6db3f2;--s1:#ffa657;--s2:#5fd18b;--s3:#c79bf2;--s4:#ff7ba6;--s5:#4fd0dd;--s6:#d6a877;--s7:#aab4c0}}
@media print{
:root{--s0:#1f6fb4;--s1:#c25100;--s2:#1d7f4e;--s3:#8548b8;--s4:#c2185b;--s5:#0b7a8a;--s6:#8a5a2b;--s7:#5a6270}}
.chart{display:block;width:100%;height:auto}
.chart text{font-size:13px;fill:var(--soft)}
.axis-end{text-anchor:end}.axis-middle{text-anchor:middle}
.rule{stroke:var(--rule);stroke-width:1}
.line{fill:none;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round}
.s0{stroke:var(--s0)}.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}
.s4{stroke:var(--s4);stroke-dasharray:7 4}.s5{stroke:var(--s5);stroke-dasharray:7 4}
.s6{stroke:var(--s6);stroke-dasharray:2 4}.s7{stroke:var(--s7);stroke-dasharray:2 4}
.key{width:24px;height:8px;margin-right:6px}.key .line{stroke-width:3}
.legend{font-size:.85rem}.legend th{min-width:8rem;overflow-wrap:anywhere}
.legend td{font-variant-numeric:tabular-nums;white-space:nowrap}
.legend small{display:block}
)";
}

}  // namespace engram::apps
