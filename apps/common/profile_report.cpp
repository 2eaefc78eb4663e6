#include "apps/common/profile_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/common/json_members.h"
#include "apps/common/stack_table.h"
#include "engine/io/atomic_file.h"
#include "engine/roofline.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWhyBeyond =
    "The roofline is the time that the operation's declared bytes would take at the rate of a large copy, or its "
    "operations at that of a matrix product, whichever is longer. More than 100 % is possible: convolutions declare "
    "the "
    "operations of the direct sum, and Winograd's need fewer; operands that are still in a cache come faster than a "
    "copy "
    "of 128 MiB; and the two rates are measured in a fraction of a second.";

double roofline_seconds(const OpRecord& r, const profiler::Roofline& roofline) {
  const double bytes = double(r.cost.bytes_read + r.cost.bytes_written);
  return std::max(bytes / roofline.bytes_per_s, double(r.cost.flops) / roofline.flops_per_s);
}

void add_operation(const Json& row, StackTable& table) {
  const auto name = row.find("name"), part = row.find("roofline");
  table.row(name != row.end() && name->is_string() ? name->get<std::string>() : "");
  table.cell(number_text(number_member(row, "calls"), 12)).cell(number_text(1e3 * number_member(row, "seconds")));
  table.cell(number_text(1e-9 * number_member(row, "bytes"))).cell(number_text(1e-9 * number_member(row, "flops")));
  table.cell(part != row.end() && part->is_number() ? number_text(100 * part->get<double>(), 3) + " %" : "-");
}

}  // namespace

std::string profile_text(const profiler::Roofline& roofline) {
  char rates[128];
  std::snprintf(rates, sizeof rates, "roofline: copy %.1f GB/s, f32 matrix product %.1f GFLOP/s\n",
                roofline.bytes_per_s * 1e-9, roofline.flops_per_s * 1e-9);
  return profiler::table(roofline) + rates + kWhyBeyond + "\n";
}

std::string profile_json(const profiler::Roofline& roofline) {
  Json operations = Json::array();
  for (const OpRecord& r : profiler::records())
    operations.push_back({{"name", r.name},
                          {"calls", r.calls},
                          {"seconds", r.seconds},
                          {"bytes", r.cost.bytes_read + r.cost.bytes_written},
                          {"flops", r.cost.flops},
                          {"roofline", r.seconds > 0 ? Json(roofline_seconds(r, roofline) / r.seconds) : Json()}});
  const Json all = {
      {"bytes_per_s", roofline.bytes_per_s}, {"flops_per_s", roofline.flops_per_s}, {"operations", operations}};
  return all.dump(2) + "\n";
}

std::string keep_profile(const RunDir& run, const Device& device) {
  const profiler::Roofline roofline = measure_roofline(device);
  io::write_file(run / kProfileFile, profile_json(roofline));
  return profile_text(roofline);
}

Html profile_section(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("operations") || !json["operations"].is_array()) return {};
  Html out;
  out.element("h2", "Profile").element("p", kWhyBeyond);
  StackTable table({"operation", "calls", "ms", "GB moved", "GFLOP", "of the roofline"});
  for (const Json& row : json["operations"])
    if (row.is_object()) add_operation(row, table);
  return out.html(table.html());
}

}  // namespace engram::apps
