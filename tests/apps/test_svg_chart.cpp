/// Charts: scales, marks, thinning, and numbers at the ends of what double can hold.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/common/chart_axis.h"
#include "apps/common/run_metrics.h"
#include "apps/common/svg_chart.h"
#include "tests/support/tag_balance.h"

namespace engram::apps {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMax = std::numeric_limits<double>::max();

std::vector<std::string> labels(const ChartAxis& axis) {
  std::vector<std::string> labels;
  for (const AxisTick& tick : axis.ticks()) {
    EXPECT_GE(tick.position, -1e-9);
    EXPECT_LE(tick.position, 1 + 1e-9);
    labels.push_back(tick.label);
  }
  return labels;
}

TEST(ChartAxis, MarksStandAtRoundNumbers) {
  using Labels = std::vector<std::string>;
  EXPECT_EQ(labels(ChartAxis::linear(0, 2000)), (Labels{"0", "500", "1000", "1500", "2000"}));
  EXPECT_EQ(labels(ChartAxis::linear(-0.1, 0.1)), (Labels{"-0.1", "-0.05", "0", "0.05", "0.1"}));
  EXPECT_EQ(labels(ChartAxis::linear(1000000.1, 1000004.2)).front(), "1000001");
  EXPECT_EQ(labels(ChartAxis::logarithmic(1e-5, 10)), (Labels{"1e-5", "0.0001", "0.001", "0.01", "0.1", "1", "10"}));
  EXPECT_EQ(labels(ChartAxis::logarithmic(0.1, 5)), (Labels{"0.1", "0.2", "0.5", "1", "2", "5"}));
  EXPECT_DOUBLE_EQ(ChartAxis::linear(2, 4).position(3), 0.5);
}

TEST(ChartAxis, TakesEveryRange) {
  for (const double low : {-kMax, -1.0, 0.0, 5e-324, 1.0, 1e17, kMax}) {
    for (const double high : {-1.0, 0.0, 5e-324, 1.0, 1.0 + 1e-15, 1e17, kMax}) {
      if (high < low) continue;
      const auto marks = labels(ChartAxis::linear(low, high, 0.04));
      EXPECT_GE(marks.size(), 2u) << low << " " << high;
      EXPECT_LE(marks.size(), 12u) << low << " " << high;
      if (low > 0) {
        EXPECT_LE(labels(ChartAxis::logarithmic(low, high)).size(), 12u) << low << " " << high;
      }
    }
  }
}

TEST(SvgChart, DrawsEveryLineAndLeavesGaps) {
  const std::vector<ChartSeries> lines = {{"a<b", {{0, 1}, {1, 2}, {2, kNan}, {3, 4}}}, {"empty", {{0, kNan}}}};
  const std::string svg = svg_chart("x\"y", lines).str();
  EXPECT_EQ(test::unbalanced_tag(svg), "");
  EXPECT_NE(svg.find("aria-label=\"Line chart of x&quot;y over the steps\""), std::string::npos);
  EXPECT_NE(svg.find("<title>a&lt;b</title>"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  const std::size_t path = svg.find(" d=\"M");
  ASSERT_NE(path, std::string::npos);
  const std::string d = svg.substr(path + 4, svg.find('"', path + 4) - path - 4);
  EXPECT_EQ(std::count(d.begin(), d.end(), 'M'), 2);
  EXPECT_EQ(std::count(d.begin(), d.end(), 'L'), 1);
  const std::string legend = chart_legend(lines).str();
  EXPECT_EQ(test::unbalanced_tag(legend), "");
  EXPECT_NE(legend.find("<td>4</td><td>1 <small>at 0</small></td><td>4 <small>at 3</small></td>"), std::string::npos);
  EXPECT_NE(legend.find("<td>nan</td><td>none</td><td>none</td>"), std::string::npos);
}

TEST(SvgChart, ThinningKeepsPeaksAndSize) {
  ChartSeries line{"a", {}};
  for (int i = 0; i < 100000; ++i) line.points.push_back({double(i), i == 54321 ? 40.0 : 1.0 + 0.1 * std::sin(i)});
  const std::string svg = svg_chart("a", std::vector{line}).str();
  EXPECT_LT(svg.size(), 20000u);
  EXPECT_NE(svg.find("<path class=\"line s0\""), std::string::npos);
  // The peak lies below the upper end of the plot by the scale's margin only.
  EXPECT_NE(svg.find(" 17.6"), std::string::npos);
}

TEST(SvgChart, SeriesShareAChartByNameAndScale) {
  const auto line = [](const std::string& name, double a, double b) { return ChartSeries{name, {{0, a}, {1, b}}}; };
  const auto charts = chart_groups({line("train/loss", 2, 1), line("train/lr", 0.1, 0), line("train/epoch_loss", 2, 1),
                                    line("loss/ce", 1, 0.5), line("loss/tv", 1e-5, 1e-4), line("loss", 1, 2),
                                    line("x/big", -1000, 1), line("x/small", -1, 1)});
  std::vector<std::vector<std::string>> names;
  for (const auto& chart : charts) {
    names.emplace_back();
    for (const ChartSeries& s : chart) names.back().push_back(s.name);
  }
  EXPECT_EQ(
      names,
      (std::vector<std::vector<std::string>>{
          {"train/loss", "train/epoch_loss", "loss/ce", "loss/tv", "loss"}, {"train/lr"}, {"x/big"}, {"x/small"}}));
  std::vector<ChartSeries> many;
  for (int i = 0; i < 20; ++i) many.push_back(line("m/" + std::to_string(i), 1, 2));
  EXPECT_EQ(chart_groups(many).size(), 3u);
  EXPECT_EQ(metric_group("loss_total"), "loss");
  EXPECT_EQ(metric_group("train/accuracy"), metric_group("test/accuracy_flip"));
  EXPECT_EQ(metric_group("contribution/tv"), "contribution");
  EXPECT_EQ(metric_group("epoch"), "epoch");
  EXPECT_EQ(metric_group(""), "");
}

TEST(SvgChart, SharesArePercentages) {
  const std::vector<ChartSeries> shares = {{"train/accuracy", {{0, 0.1}, {1, 0.55}, {2, 0.9}}},
                                           {"test/accuracy", {{0, 0.2}, {2, 0.8}}}};
  EXPECT_NE(svg_chart("accuracy", shares).str().find(">60 %<"), std::string::npos);
  EXPECT_NE(chart_legend(shares).str().find("<td>90 %</td><td>10 % <small>"), std::string::npos);
  const std::vector<ChartSeries> others = {{"train/loss", {{0, 0.1}, {1, 0.55}, {2, 0.9}}}};
  EXPECT_EQ(svg_chart("loss", others).str().find('%'), std::string::npos);
  const std::vector<ChartSeries> beyond = {{"accuracy", {{0, 10}, {1, 55}, {2, 90}}}};
  EXPECT_EQ(svg_chart("accuracy", beyond).str().find('%'), std::string::npos);
  EXPECT_EQ(value_text("test_accuracy", 0.9253), "92.53 %");
  EXPECT_EQ(value_text("lr", 0.5), "0.5");
}

TEST(SvgChart, StraightLinesAreKnown) {
  const auto straight = [](std::vector<ChartPoint> points) { return is_straight({"a", std::move(points)}); };
  EXPECT_TRUE(straight({}));
  EXPECT_TRUE(straight({{0, 1}, {9, 7}}));
  EXPECT_TRUE(straight({{0, 812.5}, {1, 812.5}, {5, 812.5}}));
  EXPECT_TRUE(straight({{390, 1}, {780, 2}, {1170, 3}}));
  EXPECT_TRUE(straight({{0, kNan}, {1, kNan}, {2, 1}, {3, kNan}}));
  EXPECT_FALSE(straight({{0, 1}, {1, 2}, {2, 2.9}}));
  EXPECT_FALSE(straight({{0, 1}, {1, 2}, {0, 1}}));
}

}  // namespace
}  // namespace engram::apps
