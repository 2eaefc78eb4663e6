#include "bench/engram_bench/results.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "engram-bench";
constexpr int kVersion = 1;

Json row_json(const Row& row, const profiler::Roofline& roofline) {
  const Quartiles q = quartiles(row.seconds);
  Json json = {{"name", row.name},
               {"family", row.family()},
               {"bytes_read", row.cost.bytes_read},
               {"bytes_written", row.cost.bytes_written},
               {"flops", row.cost.flops},
               {"number", row.seconds.size()},
               {"median", q.median},
               {"lower_quartile", q.lower},
               {"upper_quartile", q.upper},
               {"copy_seconds", row.copy_seconds}};
  if (row.copy_seconds > 0 && q.median > 0) json["share_of_copy"] = row.copy_seconds / q.median;
  if (const double share = share_of_roofline(row, roofline); share > 0) json["share_of_roofline"] = share;
  json["seconds"] = row.seconds;
  json["counts"] = row.counts;
  if (!row.plan.empty()) json["plan"] = row.plan;
  return json;
}

Row row_of(const Json& json) {
  Row row;
  row.name = json.at("name").get<std::string>();
  row.cost = {json.at("bytes_read").get<std::int64_t>(), json.at("bytes_written").get<std::int64_t>(),
              json.at("flops").get<std::int64_t>()};
  row.seconds = json.at("seconds").get<std::vector<double>>();
  row.copy_seconds = json.at("copy_seconds").get<double>();
  row.counts = json.at("counts").get<std::map<std::string, std::int64_t>>();
  row.plan = json.value("plan", "");
  return row;
}

Results results_of(const Json& json) {
  Results r;
  const Json &m = json.at("machine"), &b = json.at("build"), &c = json.at("run");
  r.machine = {m.at("processor"), m.at("device"), m.at("kernel_isa"), m.at("library"), m.at("num_processors")};
  r.build = {b.at("compiler"), b.at("type"), b.at("flags"), b.at("commit")};
  r.conditions = {c.at("date"),   c.at("session"),    c.at("scale"),       c.at("threads"),
                  c.at("rounds"), c.at("lost_share"), c.at("others_share")};
  r.roofline = {json.at("roofline").at("bytes_per_s"), json.at("roofline").at("flops_per_s")};
  for (const Json& row : json.at("rows")) r.rows.push_back(row_of(row));
  return r;
}

/// Throws DataError for rows that no run writes.
void check_rows(const Results& results, const std::string& name) {
  for (std::size_t i = 0; i < results.rows.size(); ++i) {
    const Row& row = results.rows[i];
    if (!std::ranges::all_of(row.seconds, [](double s) { return std::isfinite(s) && s > 0; }))
      throw DataError(message("[bench] expected times above 0 of ", row.name, " in ", name, ", got others"));
    for (std::size_t j = 0; j < i; ++j)
      if (results.rows[j].name == row.name)
        throw DataError(message("[bench] expected each row once in ", name, ", got ", row.name, " twice"));
  }
}

}  // namespace

Quartiles quartiles(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto at = [&](double part) {
    const double place = part * double(values.size() - 1);
    const auto below = std::size_t(place);
    const double rest = place - double(below);
    return rest == 0 ? values[below] : values[below] + rest * (values[below + 1] - values[below]);
  };
  return {at(0.25), at(0.5), at(0.75)};
}

double share_of_roofline(const Row& row, const profiler::Roofline& roofline) {
  const double median = quartiles(row.seconds).median;
  if (median <= 0 || roofline.bytes_per_s <= 0 || roofline.flops_per_s <= 0) return 0;
  return std::max(double(row.bytes()) / roofline.bytes_per_s, double(row.cost.flops) / roofline.flops_per_s) / median;
}

std::string results_json(const Results& r) {
  Json json = {
      {"format", kFormat},
      {"version", kVersion},
      {"machine",
       {{"processor", r.machine.processor},
        {"device", r.machine.device},
        {"kernel_isa", r.machine.kernel_isa},
        {"library", r.machine.library},
        {"num_processors", r.machine.num_processors}}},
      {"build",
       {{"compiler", r.build.compiler}, {"type", r.build.type}, {"flags", r.build.flags}, {"commit", r.build.commit}}},
      {"run",
       {{"date", r.conditions.date},
        {"session", r.conditions.session},
        {"scale", r.conditions.scale},
        {"threads", r.conditions.threads},
        {"rounds", r.conditions.rounds},
        {"lost_share", r.conditions.lost_share},
        {"others_share", r.conditions.others_share},
        {"quiet", r.conditions.is_quiet()}}},
      {"roofline", {{"bytes_per_s", r.roofline.bytes_per_s}, {"flops_per_s", r.roofline.flops_per_s}}},
      {"rows", Json::array()}};
  for (const Row& row : r.rows) json["rows"].push_back(row_json(row, r.roofline));
  return json.dump(1) + "\n";
}

Results parse_results(const std::string& text, const std::string& name) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != kFormat)
    throw DataError(message("[bench] expected a file of engram-bench run --out, got ", name));
  if (json.value("version", Json()) != kVersion)
    throw DataError(message("[bench] expected version ", kVersion, " of the format in ", name, ", got ",
                            json.value("version", Json()).dump()));
  Results results;
  try {
    results = results_of(json);
  } catch (const Json::exception& error) {
    throw DataError(message("[bench] expected a whole file of engram-bench, got ", name, ": ", error.what()));
  }
  check_rows(results, name);
  return results;
}

Results read_results(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw IoError(message("[bench] expected a readable file, got ", path.string()));
  return parse_results(text.str(), path.string());
}

}  // namespace engram::bench
