#include "bench/engram_bench/gate_baseline.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "engram-bench gate";

}  // namespace

std::string baseline_json(const GateBaseline& baseline) {
  Json sections = Json::object();
  for (const auto& [name, section] : baseline)
    sections[name] = {{"made_by", section.made_by}, {"figures", section.figures}};
  return Json{{"format", kFormat}, {"sections", sections}}.dump(1) + "\n";
}

GateBaseline parse_baseline(const std::string& text, const std::string& name) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != kFormat)
    throw DataError(message("[gate] expected a baseline that engram-bench gate --accept wrote, got ", name));
  GateBaseline baseline;
  try {
    for (const auto& [section, entry] : json.at("sections").items()) {
      GateSection& read = baseline[section];
      read.made_by = entry.at("made_by").get<std::string>();
      for (const auto& [figure, value] : entry.at("figures").items()) {
        if (!value.is_number_integer())
          throw DataError(message("[gate] expected a whole number of ", figure, " in ", name, ", got ", value.dump()));
        read.figures[figure] = value.get<std::int64_t>();
      }
    }
  } catch (const Json::exception& error) {
    throw DataError(message("[gate] expected a whole baseline, got ", name, ": ", error.what()));
  }
  return baseline;
}

GateBaseline read_gate_baseline(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw IoError(message("[gate] expected a readable file, got ", path.string()));
  return parse_baseline(text.str(), path.string());
}

}  // namespace engram::bench
