#pragma once
/// The figures that the repository holds this build to: bench/gates/baseline.json.

#include <filesystem>
#include <map>
#include <string>

#include "bench/engram_bench/figures.h"

namespace engram::bench {

/// One section's figures. Where they follow from more than the source, `made_by` says from what ("GCC 12.2.0,
/// Release"): a build by something else is not held to them.
struct GateSection {
  std::string made_by;
  Figures figures;
};
using GateBaseline = std::map<std::string, GateSection>;

/// The file's text.
std::string baseline_json(const GateBaseline& baseline);
/// Reads it. Throws DataError in one line for anything else; `name` names the text in errors.
GateBaseline parse_baseline(const std::string& text, const std::string& name);
/// Reads the file; IoError where it cannot be read.
GateBaseline read_gate_baseline(const std::filesystem::path& path);

}  // namespace engram::bench
