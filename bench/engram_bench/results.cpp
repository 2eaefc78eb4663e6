#include "bench/engram_bench/results.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/engram_bench/json_members.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kResultsFormat = "engram-bench";
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
  if (row.hardware.known())
    json["hardware"] = {{"instructions", row.hardware.instructions}, {"cycles", row.hardware.cycles}};
  return json;
}

/// Bounds of what a clock says, in seconds: wide, but sums, ratios and their squares stay numbers.
constexpr double kShortest = 1e-12, kLongest = 1e9;
constexpr double kMostPerSecond = 1e18, kMostPerCall = 1e18;

/// What follows from the times has to be what they say: a file with other quartiles is no file of a run.
void check_derived(const Members& json, const Row& row) {
  if (const std::int64_t number = json.whole("number", 0); number != std::int64_t(row.seconds.size()))
    throw DataError(
        message(json.place_of("number"), ": expected that of the ", row.seconds.size(), " times, got ", number));
  const Quartiles q = quartiles(row.seconds);
  for (const auto& [key, value] :
       {std::pair{"median", q.median}, {"lower_quartile", q.lower}, {"upper_quartile", q.upper}})
    if (const double written = json.number(key, 0, kLongest); std::abs(written - value) > 1e-9 * value)
      throw DataError(message(json.place_of(key), ": expected that of the times, ", value, ", got ", written));
}

Row row_of(const Members& json) {
  Row row;
  row.name = json.text("name");
  row.cost = {json.whole("bytes_read", 0), json.whole("bytes_written", 0), json.whole("flops", 0)};
  for (const Json& seconds : json.list("seconds"))
    row.seconds.push_back(number_of(seconds, json.place_of("seconds"), kShortest, kLongest));
  row.copy_seconds = json.number("copy_seconds", 0, kLongest);
  const Members counts = json.object("counts");
  for (const auto& [name, count] : counts.json().items()) row.counts[name] = whole_of(count, counts.place_of(name), 0);
  if (row.seconds.empty() && row.counts.empty())
    throw DataError(message(json.place(), ": expected times or counts of ", row.name, ", got neither"));
  if (json.json().contains("plan")) row.plan = json.text("plan");
  if (json.json().contains("hardware")) {
    const Members hardware = json.object("hardware");
    row.hardware = {hardware.number("instructions", 0, kMostPerCall), hardware.number("cycles", 0, kMostPerCall)};
  }
  check_derived(json, row);
  return row;
}

Results results_of(const Members& json) {
  Results r;
  const Members m = json.object("machine"), b = json.object("build"), c = json.object("run"),
                roofline = json.object("roofline");
  r.machine = {m.text("processor"), m.text("device"), m.text("kernel_isa"), m.text("library"),
               int(m.number("num_processors", 0, 1e6))};
  r.build = {b.text("compiler"), b.text("type"), b.text("flags"), b.text("commit")};
  r.conditions = {c.text("date"),
                  c.text("session"),
                  c.whole("scale", 1),
                  int(c.number("threads", 0, 1e6)),
                  int(c.number("rounds", 0, 1e9)),
                  c.number("lost_share", 0, 1e6),
                  c.number("others_share", 0, 1e6)};
  r.roofline = {roofline.number("bytes_per_s", 0, kMostPerSecond), roofline.number("flops_per_s", 0, kMostPerSecond)};
  const Json& rows = json.list("rows");
  for (std::size_t i = 0; i < rows.size(); ++i)
    r.rows.push_back(row_of(Members(rows[i], json.place_of(message("rows[", i, "]")))));
  return r;
}

/// Throws DataError for a row that comes twice.
void check_rows(const Results& results, const std::string& name) {
  for (std::size_t i = 0; i < results.rows.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (results.rows[j].name == results.rows[i].name)
        throw DataError(message(name, ": expected each row once, got ", results.rows[i].name, " twice"));
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
      {"format", kResultsFormat},
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
  const Json json = parse_json(text, name);
  if (!json.is_object() || json.value("format", Json()) != kResultsFormat)
    throw DataError(message(name, ": expected a file of engram-bench run --out, got other JSON"));
  if (const Json version = json.value("version", Json()); version != kVersion)
    throw DataError(message(name, ": expected version ", kVersion, " of the format, got ", version.dump()));
  Results results = results_of(Members(json, name, true));
  check_rows(results, name);
  return results;
}

Results read_results(const std::filesystem::path& path) {
  return parse_results(read_text(path), path.string());
}

}  // namespace engram::bench
