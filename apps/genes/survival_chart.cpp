#include "apps/genes/survival_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "apps/common/chart_axis.h"
#include "apps/genes/svg_canvas.h"

namespace engram::apps {
namespace {

constexpr double kCurveWidth = 420, kPlotHeight = 220, kCurveTop = 8, kLeft = 60, kCurveRight = 14, kRisk = 15,
                 kTitles = 60;
constexpr std::size_t kMaxGroups = 4;

Markup line_class(std::size_t k) {
  constexpr std::array<Markup, kMaxGroups> kClasses = {"km km0", "km km1", "km km2", "km km3"};
  return kClasses[k];
}

Markup band_class(std::size_t k) {
  constexpr std::array<Markup, kMaxGroups> kClasses = {"band kb0", "band kb1", "band kb2", "band kb3"};
  return kClasses[k];
}

Markup text_class(std::size_t k) {
  constexpr std::array<Markup, kMaxGroups> kClasses = {"risk kt0", "risk kt1", "risk kt2", "risk kt3"};
  return kClasses[k];
}

/// Patients still observed at `t`.
double at_risk(const survival::SurvivalCurve& curve, double t) {
  const auto next = std::lower_bound(curve.time.begin(), curve.time.end(), t);
  return next == curve.time.end() ? 0 : curve.at_risk[std::size_t(next - curve.time.begin())];
}

class SurvivalPlot {
 public:
  SurvivalPlot(const std::vector<SurvivalGroup>& groups, const std::string& title, double last,
               const SurvivalLabels& labels)
      : groups_(groups),
        labels_(labels),
        last_(last),
        axis_(ChartAxis::linear(0, last)),
        bottom_(kCurveTop + kPlotHeight),
        canvas_(kCurveWidth, bottom_ + kTitles + kRisk * double(groups.size()), "chart", title) {}

  Html draw() {
    for (int quarter = 0; quarter <= 4; ++quarter) {
      canvas_.line(kLeft, y(quarter / 4.0), kCurveWidth - kCurveRight, y(quarter / 4.0), "rule");
      canvas_.text(kLeft - 6, y(quarter / 4.0) + 4, "axis-end", std::to_string(25 * quarter) + " %");
    }
    canvas_.text(12, (kCurveTop + bottom_) / 2, "axis-title up", "survival");
    canvas_.text(x(0.5), bottom_ + 34, "axis-middle", labels_.time);
    canvas_.text(0, bottom_ + 36, "risk-name", "at risk");
    for (const AxisTick& tick : axis_.ticks()) draw_tick(tick);
    for (std::size_t k = 0; k < groups_.size(); ++k)
      if (!groups_[k].band.lower.empty()) canvas_.path(band(groups_[k]), band_class(k));
    for (std::size_t k = 0; k < groups_.size(); ++k) {
      canvas_.path(steps(groups_[k].curve, groups_[k].curve.survival), line_class(k), groups_[k].name);
      canvas_.path(censorings(groups_[k].curve), line_class(k));
    }
    canvas_.text(kCurveWidth - kCurveRight - 4, kCurveTop + 14, "axis-end", labels_.test);
    return canvas_.finish();
  }

 private:
  double x(double position) const { return kLeft + position * (kCurveWidth - kCurveRight - kLeft); }
  double time_x(double time) const { return x(axis_.position(std::max(0.0, time))); }
  double y(double survival) const { return bottom_ - survival * kPlotHeight; }

  void draw_tick(const AxisTick& tick) {
    const double at = x(tick.position);
    canvas_.line(at, bottom_, at, bottom_ + 4, "rule");
    canvas_.text(at, bottom_ + 18, "axis-middle", tick.label);
    const double time = tick.position * last_;
    for (std::size_t k = 0; k < groups_.size(); ++k) {
      const double count = at_risk(groups_[k].curve, time);
      canvas_.text(at, bottom_ + 52 + kRisk * double(k), text_class(k), number_text(count, 6));
    }
  }

  /// The step function that takes `values` at the curve's times of death, 1 at first, up to the last time shown.
  std::string steps(const survival::SurvivalCurve& curve, const std::vector<double>& values) const {
    std::string path = "M" + svg_number(x(0)) + " " + svg_number(y(1));
    for (std::size_t i = 0; i < curve.time.size() && curve.time[i] <= last_; ++i) {
      path += "H" + svg_number(time_x(curve.time[i]));
      if (curve.events[i] > 0) path += "V" + svg_number(y(values[i]));
    }
    if (!curve.time.empty() && curve.time.back() > last_) path += "H" + svg_number(x(1));
    return path;
  }

  /// The area between the limits: along the upper one, and back along the lower one.
  std::string band(const SurvivalGroup& group) const {
    const survival::SurvivalCurve& curve = group.curve;
    std::string path = steps(curve, group.band.upper);
    std::vector<std::pair<double, double>> corners = {{x(0), y(1)}};
    double level = y(1);
    for (std::size_t i = 0; i < curve.time.size() && curve.time[i] <= last_; ++i) {
      corners.emplace_back(time_x(curve.time[i]), level);
      if (curve.events[i] > 0) level = y(group.band.lower[i]);
      corners.emplace_back(time_x(curve.time[i]), level);
    }
    if (!curve.time.empty() && curve.time.back() > last_) corners.emplace_back(x(1), level);
    for (auto corner = corners.rbegin(); corner != corners.rend(); ++corner)
      path += "L" + svg_number(corner->first) + " " + svg_number(corner->second);
    return path + "Z";
  }

  /// A stroke across the curve at each time of censoring.
  std::string censorings(const survival::SurvivalCurve& curve) const {
    std::string path;
    for (std::size_t i = 0; i < curve.time.size() && curve.time[i] <= last_; ++i)
      if (curve.censored[i] > 0)
        path += "M" + svg_number(time_x(curve.time[i])) + " " + svg_number(y(curve.survival[i]) - 3) + "v6";
    return path;
  }

  const std::vector<SurvivalGroup>& groups_;
  const SurvivalLabels& labels_;
  double last_;
  ChartAxis axis_;
  double bottom_;
  SvgCanvas canvas_;
};

}  // namespace

double time_axis_end(std::vector<double> times) {
  if (times.empty()) return 1;
  const auto place = times.begin() + std::ptrdiff_t(0.98 * double(times.size() - 1));
  std::nth_element(times.begin(), place, times.end());
  return *place > 0 ? *place : 1;
}

Html survival_chart(const std::string& title, const std::vector<SurvivalGroup>& groups, double last,
                    const SurvivalLabels& labels) {
  const std::vector<SurvivalGroup> shown(groups.begin(),
                                         groups.begin() + std::ptrdiff_t(std::min(groups.size(), kMaxGroups)));
  return SurvivalPlot(shown, title, last, labels).draw();
}

Html survival_legend(const std::vector<SurvivalGroup>& groups) {
  Html out;
  out.markup("<table class=\"legend\"><thead><tr><th scope=\"col\">group</th><th scope=\"col\">n</th>");
  out.markup("<th scope=\"col\">deaths</th><th scope=\"col\">median</th></tr></thead><tbody>\n");
  for (std::size_t k = 0; k < std::min(groups.size(), kMaxGroups); ++k) {
    const SurvivalGroup& g = groups[k];
    out.markup("<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\"><path class=\"");
    out.markup(line_class(k)).markup("\" d=\"M1 4h22\"/></svg>").text(g.name).markup("</th>");
    const double median = g.patients > 0 ? g.curve.median() : NAN;
    out.element("td", std::to_string(g.patients)).element("td", std::to_string(g.deaths));
    out.element("td", std::isfinite(median) ? number_text(median, 3) : "not reached").markup("</tr>\n");
  }
  return out.markup("</tbody></table>\n");
}

}  // namespace engram::apps
