#pragma once
/// Stored values of reference programs: the files of tests/golden, or of the folder that ENGRAM_GOLDEN_DIR names.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace engram::testing {

/// The path of a file or folder of stored values ("survival/hackathon"): in the folder of ENGRAM_GOLDEN_DIR where that
/// has it, else in tests/golden. So sets of files can be exchanged one by one. Throws std::runtime_error, which fails
/// the test, when that folder does not exist.
std::string golden_path(const std::string& name);

/// The content of a file ("decaug_losses.json"). Throws std::runtime_error, which fails the test, when it cannot be
/// read.
nlohmann::json golden_json(const std::string& file);

/// Expects |got - expected| <= tolerance * max(|expected|, floor). `what` names the value in a failure's message.
void expect_relative(double got, double expected, double tolerance, const std::string& what, double floor = 0);

}  // namespace engram::testing
