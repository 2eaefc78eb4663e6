#include "bench/engram_bench/gate_baseline.h"

#include <nlohmann/json.hpp>

#include "bench/engram_bench/json_members.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kBaselineFormat = "engram-bench gate";

}  // namespace

std::string baseline_json(const GateBaseline& baseline) {
  Json sections = Json::object();
  for (const auto& [name, section] : baseline)
    sections[name] = {{"made_by", section.made_by}, {"figures", section.figures}};
  return Json{{"format", kBaselineFormat}, {"sections", sections}}.dump(1) + "\n";
}

GateBaseline parse_baseline(const std::string& text, const std::string& name) {
  const Json json = parse_json(text, name);
  if (!json.is_object() || json.value("format", Json()) != kBaselineFormat)
    throw DataError(message(name, ": expected a baseline that engram-bench gate --accept wrote, got other JSON"));
  GateBaseline baseline;
  const Members sections = Members(json, name, true).object("sections");
  for (const auto& [section, entry] : sections.json().items()) {
    const Members read = sections.object(section.c_str()), figures = read.object("figures");
    GateSection& written = baseline[section];
    written.made_by = read.text("made_by");
    for (const auto& [figure, value] : figures.json().items())
      written.figures[figure] = whole_of(value, figures.place_of(figure), 0);
  }
  return baseline;
}

GateBaseline read_gate_baseline(const std::filesystem::path& path) {
  return parse_baseline(read_text(path), path.string());
}

}  // namespace engram::bench
