#pragma once
/// Stored values of reference programs: the files of tests/golden, or of the folder that ENGRAM_GOLDEN_DIR names.

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace engram::testing {

/// The content of a file ("decaug_losses.json"). Throws std::runtime_error, which fails the test, when it cannot be
/// read.
nlohmann::json golden_json(const std::string& file);

/// Expects |got - expected| <= tolerance * max(|expected|, floor). `what` names the value in a failure's message.
void expect_relative(double got, double expected, double tolerance, const std::string& what, double floor = 0);

}  // namespace engram::testing
