/// As NVBench's json_printer writes it: numbers of named values are texts, axes and states are lists.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/engram_bench/export.h"
#include "bench/engram_bench/sample_statistics.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value) {
  return Json(value).dump();
}

Json version(int major, int minor, int patch) {
  return {{"major", major},
          {"minor", minor},
          {"patch", patch},
          {"string", std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch)}};
}

Json summary(const char* tag, const char* name, const char* hint, const char* type, const std::string& value) {
  return {{"tag", tag},
          {"name", name},
          {"hint", hint},
          {"description", name},
          {"data", Json::array({{{"name", "value"}, {"type", type}, {"value", value}}})}};
}

Json summaries(const Row& row) {
  const double average = mean(row.seconds), deviation = standard_deviation(row.seconds);
  const auto [low, high] = std::minmax_element(row.seconds.begin(), row.seconds.end());
  Json list = {
      summary("nv/cold/sample_size", "Samples", "sample_size", "int64", std::to_string(row.seconds.size())),
      summary("nv/cold/time/gpu/min", "Min GPU Time", "duration", "float64", number(*low)),
      summary("nv/cold/time/gpu/max", "Max GPU Time", "duration", "float64", number(*high)),
      summary("nv/cold/time/gpu/mean", "GPU Time", "duration", "float64", number(average)),
      summary("nv/cold/time/gpu/stdev/absolute", "Noise", "duration", "float64", number(deviation)),
      summary("nv/cold/time/gpu/stdev/relative", "Noise", "percentage", "float64", number(deviation / average))};
  if (row.bytes() > 0)
    list.push_back(summary("nv/cold/bw/global/bytes_per_second", "GlobalMem BW", "byte_rate", "float64",
                           number(double(row.bytes()) / average)));
  return list;
}

Json state(const Row& row) {
  const std::string entry = row.name.substr(std::min(row.name.size(), row.family().size() + 1));
  return {{"name", "Device=0 Entry=" + entry},
          {"min_samples", row.seconds.size()},
          {"skip_time", -1.0},
          {"timeout", 0.0},
          {"device", 0},
          {"type_config_index", 0},
          {"axis_values", Json::array({{{"name", "Entry"}, {"type", "string"}, {"value", entry}}})},
          {"summaries", summaries(row)},
          {"is_skipped", false}};
}

Json axis_value(const Json& state) {
  const Json& value = state.at("axis_values").at(0).at("value");
  return {{"input_string", value}, {"description", ""}, {"value", value}};
}

}  // namespace

std::string nvbench_json(const Results& results) {
  Json benchmarks = Json::array();
  for (const Row& row : results.rows) {
    if (row.seconds.empty()) continue;
    if (benchmarks.empty() || benchmarks.back().at("name") != row.family())
      benchmarks.push_back(
          {{"name", row.family()},
           {"index", benchmarks.size()},
           {"min_samples", row.seconds.size()},
           {"skip_time", -1.0},
           {"timeout", 0.0},
           {"devices", {0}},
           {"axes", Json::array({{{"name", "Entry"}, {"type", "string"}, {"flags", ""}, {"values", Json::array()}}})},
           {"states", Json::array()}});
    Json& benchmark = benchmarks.back();
    benchmark["states"].push_back(state(row));
    benchmark["axes"][0]["values"].push_back(axis_value(benchmark["states"].back()));
  }
  const Json device = {{"id", 0}, {"name", results.machine.device}};
  return Json{{"meta", {{"argv", {"engram-bench"}}, {"version", {{"json", version(1, 0, 0)}}}}},
              {"devices", Json::array({device})},
              {"benchmarks", benchmarks}}
             .dump(2) +
         "\n";
}

}  // namespace engram::bench
