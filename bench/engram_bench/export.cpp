#include "bench/engram_bench/export.h"

#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

struct Format {
  std::string name;
  std::string (*write)(const Results&);
};

const std::vector<Format>& formats() {
  static const std::vector<Format> all = {{"google-benchmark", google_benchmark_json},
                                          {"github-action", github_action_json},
                                          {"bencher", bencher_json},
                                          {"nvbench", nvbench_json}};
  return all;
}

}  // namespace

std::string github_action_json(const Results& results) {
  Json list = Json::array();
  for (const Row& row : results.rows) {
    const Quartiles q = quartiles(row.seconds);
    if (!row.seconds.empty())
      list.push_back({{"name", row.name},
                      {"unit", "ns/iter"},
                      {"value", 1e9 * q.median},
                      {"range", message("± ", 0.5e9 * (q.upper - q.lower))},
                      {"extra", message(results.build.commit, "\n", row.seconds.size(), " samples\n",
                                        results.machine.processor)}});
    for (const auto& [name, count] : row.counts)
      list.push_back({{"name", row.name + " " + name}, {"unit", name}, {"value", count}});
  }
  return list.dump(1) + "\n";
}

std::string bencher_json(const Results& results) {
  Json all = Json::object();
  for (const Row& row : results.rows) {
    Json& measures = all[row.name] = Json::object();
    const Quartiles q = quartiles(row.seconds);
    if (!row.seconds.empty()) {
      measures["latency"] = {{"value", 1e9 * q.median}, {"lower_value", 1e9 * q.lower}, {"upper_value", 1e9 * q.upper}};
      measures["throughput"] = {{"value", 1 / q.median}, {"lower_value", 1 / q.upper}, {"upper_value", 1 / q.lower}};
    }
    for (const auto& [name, count] : row.counts) measures[name] = {{"value", count}};
  }
  return all.dump(1) + "\n";
}

const std::vector<std::string>& export_formats() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Format& format : formats()) list.push_back(format.name);
    return list;
  }();
  return names;
}

std::string exported(const Results& results, const std::string& name) {
  for (const Format& format : formats())
    if (format.name == name) return format.write(results);
  throw UsageError(message("[export] expected a format, got '", name, "'", did_you_mean(name, export_formats())));
}

}  // namespace engram::bench
