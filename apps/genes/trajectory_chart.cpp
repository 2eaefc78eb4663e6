#include "apps/genes/trajectory_chart.h"

#include <algorithm>
#include <array>

#include "apps/common/chart_axis.h"
#include "apps/common/svg_chart.h"
#include "apps/genes/svg_canvas.h"

namespace engram::apps {
namespace {

constexpr double kTrajectoryWidth = 560, kHeight = 300, kTrajectoryTop = 12, kTrajectoryBottom = 46,
                 kTrajectoryRight = 16, kCharacter = 7.4;

Markup line_class(int group) {
  constexpr std::array<Markup, 8> kClasses = {"line s0", "line s1", "line s2", "line s3",
                                              "line s4", "line s5", "line s6", "line s7"};
  return kClasses[std::size_t(group) % kClasses.size()];
}

double fitness_at(const std::vector<genes::TrajectoryPoint>& points, double evaluations) {
  double fitness = points.front().fitness;
  for (const genes::TrajectoryPoint& p : points)
    if (double(p.evaluations) <= evaluations) fitness = p.fitness;
  return fitness;
}

}  // namespace

Html trajectory_chart(const std::string& title, const std::vector<TrajectoryLine>& lines) {
  ValueRange fitness, evaluations;
  evaluations.include(0);
  for (const TrajectoryLine& line : lines)
    for (const genes::TrajectoryPoint& p : line.points) evaluations.include(double(p.evaluations));
  for (const TrajectoryLine& line : lines) {
    if (line.points.empty()) continue;
    fitness.include(fitness_at(line.points, evaluations.high / 10));
    fitness.include(line.points.back().fitness);
  }
  if (fitness.empty()) {
    fitness.include(0);
    fitness.include(1);
  }
  const ChartAxis x_axis = ChartAxis::linear(0, std::max(evaluations.high, 1.0)),
                  y_axis = ChartAxis::linear(fitness.low, fitness.high, 0.06);
  std::size_t longest = 3;
  for (const AxisTick& tick : y_axis.ticks()) longest = std::max(longest, tick.label.size());
  const double left = 12 + kCharacter * double(longest), bottom = kHeight - kTrajectoryBottom;
  const auto x = [&](double value) {
    return left + x_axis.position(value) * (kTrajectoryWidth - kTrajectoryRight - left);
  };
  const auto y = [&](double value) {
    return bottom - std::clamp(y_axis.position(value), 0.0, 1.0) * (bottom - kTrajectoryTop);
  };
  SvgCanvas canvas(kTrajectoryWidth, kHeight, "chart", title);
  for (const AxisTick& tick : y_axis.ticks()) {
    const double at = bottom - tick.position * (bottom - kTrajectoryTop);
    canvas.line(left, at, kTrajectoryWidth - kTrajectoryRight, at, "rule");
    canvas.text(left - 6, at + 4, "axis-end", tick.label);
  }
  for (const AxisTick& tick : x_axis.ticks()) {
    const double at = left + tick.position * (kTrajectoryWidth - kTrajectoryRight - left);
    canvas.text(at, bottom + 18, "axis-middle", tick.label);
  }
  canvas.text(kTrajectoryWidth - kTrajectoryRight, kHeight - 8, "axis-end", "models fitted");
  for (const TrajectoryLine& line : lines) {
    if (line.points.empty()) continue;
    std::string path =
        "M" + svg_number(x(double(line.points.front().evaluations))) + " " + svg_number(y(line.points.front().fitness));
    for (const genes::TrajectoryPoint& p : line.points)
      path += "H" + svg_number(x(double(p.evaluations))) + "V" + svg_number(y(p.fitness));
    canvas.path(path, line_class(line.group), line.name);
  }
  return canvas.finish();
}

}  // namespace engram::apps
