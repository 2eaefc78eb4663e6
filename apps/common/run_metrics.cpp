#include "apps/common/run_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

/// A field as a number: NaN for what JSON cannot hold, nothing for truth values and texts.
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text == "nan" || text == "inf" || text == "-inf") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

/// Collects the lines of one file.
class MetricsReader {
 public:
  void line(const std::string& text, bool has_end) {
    ++number_;
    // The parser takes a zero byte for the end of the text.
    const Json object = text.find('\0') == std::string::npos ? Json::parse(text, nullptr, false) : Json();
    const auto step = object.is_object() ? object.find("step") : object.end();
    if (!object.is_object() || step == object.end() || !step->is_number()) {
      ++result_.damaged_lines;
      if (has_end && result_.first_damaged == 0) result_.first_damaged = number_;
      return;
    }
    for (const auto& [name, value] : object.items()) {
      if (name == "step") continue;
      if (const auto number = number_of(value)) add(name, {step->get<double>(), *number});
    }
  }

  RunMetrics result() { return std::move(result_); }

 private:
  void add(const std::string& name, ChartPoint point) {
    auto place = index_.find(name);
    if (place == index_.end()) {
      if (result_.series.size() == kMaxRunSeries) {
        ++result_.left_out;
        return;
      }
      place = index_.emplace(name, result_.series.size()).first;
      result_.series.push_back({name, {}});
    }
    result_.not_finite += !std::isfinite(point.value);
    result_.series[place->second].points.push_back(point);
  }

  RunMetrics result_;
  std::size_t number_ = 0;  // of the line
  std::map<std::string, std::size_t> index_;
};

/// Lines that share a scale.
struct Chart {
  std::string group;
  ValueRange range;
  double smallest_peak, largest_peak;  // of the lines' largest magnitudes
  std::vector<ChartSeries> lines;
};

double peak(const ValueRange& range) {
  return range.empty() ? 0 : std::max(std::abs(range.low), std::abs(range.high));
}

/// Whether a line with these values may join a chart.
bool fits(const Chart& chart, const ValueRange& values) {
  if (chart.lines.size() == kMaxChartSeries) return false;
  ValueRange together = chart.range;
  together.include(values);
  if (together.wants_log_scale()) return true;
  return std::max(chart.largest_peak, peak(values)) <= 20 * std::min(chart.smallest_peak, peak(values));
}

}  // namespace

RunMetrics read_run_metrics(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return {};
  const io::Bytes bytes = io::read_file(file);
  MetricsReader reader;
  for (std::string_view rest = io::as_text(bytes); !rest.empty();) {
    const std::size_t end = std::min(rest.size(), rest.find('\n'));
    reader.line(std::string(rest.substr(0, end)), end < rest.size());
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return reader.result();
}

std::string metric_group(const std::string& name) {
  constexpr std::string_view kSeparators = "/._-";
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.size(), name.find_first_of(kSeparators, begin));
    const std::string word = name.substr(begin, end - begin);
    if (word == "loss" || word == "accuracy" || word == "lr") return word;
    begin = end + 1;
  }
  const std::size_t slash = name.find('/');
  return name.substr(0, slash != std::string::npos ? slash : name.find_first_of("._"));
}

std::vector<std::vector<ChartSeries>> chart_groups(const std::vector<ChartSeries>& series) {
  std::vector<Chart> charts;
  for (const ChartSeries& line : series) {
    const std::string group = metric_group(line.name);
    const ValueRange range = value_range(line);
    auto chart = std::find_if(charts.begin(), charts.end(), [&](const Chart& candidate) {
      return candidate.group == group && fits(candidate, range);
    });
    if (chart == charts.end()) {
      chart = charts.insert(charts.end(), {group, range, peak(range), peak(range), {}});
    }
    chart->range.include(range);
    chart->smallest_peak = std::min(chart->smallest_peak, peak(range));
    chart->largest_peak = std::max(chart->largest_peak, peak(range));
    chart->lines.push_back(line);
  }
  std::vector<std::vector<ChartSeries>> groups;
  for (Chart& chart : charts) groups.push_back(std::move(chart.lines));
  return groups;
}

}  // namespace engram::apps
