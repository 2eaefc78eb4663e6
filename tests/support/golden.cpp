#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace engram::testing {

nlohmann::json golden_json(const std::string& file) {
  const char* folder = std::getenv("ENGRAM_GOLDEN_DIR");
  const std::string path = std::string(folder ? folder : ENGRAM_SOURCE_DIR "/tests/golden") + "/" + file;
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  return nlohmann::json::parse(in);
}

void expect_relative(double got, double expected, double tolerance, const std::string& what, double floor) {
  EXPECT_LE(std::abs(got - expected), tolerance * std::max(std::abs(expected), floor))
      << what << ": got " << got << ", expected " << expected;
}

}  // namespace engram::testing
