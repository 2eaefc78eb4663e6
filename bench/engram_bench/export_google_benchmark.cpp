/// As google/benchmark's json_reporter.cc writes it (docs/tools.md there says what compare.py needs).

#include <nlohmann/json.hpp>

#include "bench/engram_bench/export.h"
#include "bench/engram_bench/sample_statistics.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

/// What entries of a row share. `family` counts rows.
Json entry(const Row& row, std::size_t family, const std::string& name, double seconds) {
  return {{"name", name},
          {"family_index", family},
          {"per_family_instance_index", 0},
          {"run_name", row.name},
          {"repetitions", row.seconds.size()},
          {"threads", 1},
          {"iterations", 1},
          {"real_time", 1e9 * seconds},
          {"cpu_time", 1e9 * seconds},
          {"time_unit", "ns"}};
}

Json repetition(const Row& row, std::size_t family, std::size_t index) {
  Json json = entry(row, family, row.name, row.seconds[index]);
  json["run_type"] = "iteration";
  json["repetition_index"] = index;
  if (row.bytes() > 0) json["bytes_per_second"] = double(row.bytes()) / row.seconds[index];
  for (const auto& [name, count] : row.counts) json[name] = count;
  return json;
}

Json aggregate(const Row& row, std::size_t family, const char* name, double seconds) {
  Json json = entry(row, family, row.name + "_" + name, seconds);
  json["run_type"] = "aggregate";
  json["aggregate_name"] = name;
  json["aggregate_unit"] = "time";
  return json;
}

}  // namespace

std::string google_benchmark_json(const Results& results) {
  Json list = Json::array();
  for (std::size_t family = 0; family < results.rows.size(); ++family) {
    const Row& row = results.rows[family];
    if (row.seconds.empty()) continue;
    for (std::size_t i = 0; i < row.seconds.size(); ++i) list.push_back(repetition(row, family, i));
    list.push_back(aggregate(row, family, "mean", mean(row.seconds)));
    list.push_back(aggregate(row, family, "median", quartiles(row.seconds).median));
    list.push_back(aggregate(row, family, "stddev", standard_deviation(row.seconds)));
  }
  const Json context = {{"date", results.conditions.date},
                        {"host_name", results.machine.processor},
                        {"executable", "engram-bench"},
                        {"num_cpus", results.machine.num_processors},
                        {"mhz_per_cpu", 0},
                        {"cpu_scaling_enabled", false},
                        {"caches", Json::array()},
                        {"load_avg", Json::array()},
                        {"library_build_type", results.build.type == "Debug" ? "debug" : "release"},
                        {"commit", results.build.commit}};
  return Json{{"context", context}, {"benchmarks", list}}.dump(2) + "\n";
}

}  // namespace engram::bench
