#pragma once
/// What --profile prints and keeps.

#include <filesystem>
#include <string>

#include "apps/common/html.h"
#include "apps/common/run_dir.h"
#include "engine/device.h"
#include "engine/profiler.h"

namespace engram::apps {

/// The file of a run folder that holds its profile.
inline constexpr const char* kProfileFile = "profile.json";

/// Table of the operations since profiler::enable, the rates of the roofline, and why an operation can exceed it.
std::string profile_text(const profiler::Roofline& roofline);

/// JSON object: "bytes_per_s" and "flops_per_s" of the roofline, and "operations", the longest first: objects "name",
/// "calls", "seconds", "bytes", "flops" and "roofline", the part of the roofline's rate that was reached (1: all of it;
/// null where no time was measured).
std::string profile_json(const profiler::Roofline& roofline);

/// Measures the roofline of the device, keeps the profile in the run, and returns its text. Throws IoError.
std::string keep_profile(const RunDir& run, const Device& device);

/// The section of a report for a text as profile_json makes it. Empty for any other text.
Html profile_section(const std::string& json);

}  // namespace engram::apps
