#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace engram::testing {

std::string golden_path(const std::string& name) {
  if (const char* folder = std::getenv("ENGRAM_GOLDEN_DIR")) {
    // A name with a mistake in it must not run the stored files instead.
    if (!std::filesystem::is_directory(folder))
      throw std::runtime_error(std::string("ENGRAM_GOLDEN_DIR: expected a folder, got ") + folder);
    if (const std::string path = std::string(folder) + "/" + name; std::filesystem::exists(path)) return path;
  }
  return ENGRAM_SOURCE_DIR "/tests/golden/" + name;
}

nlohmann::json golden_json(const std::string& file) {
  const std::string path = golden_path(file);
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  return nlohmann::json::parse(in);
}

void expect_relative(double got, double expected, double tolerance, const std::string& what, double floor) {
  EXPECT_LE(std::abs(got - expected), tolerance * std::max(std::abs(expected), floor))
      << what << ": got " << got << ", expected " << expected;
}

}  // namespace engram::testing
