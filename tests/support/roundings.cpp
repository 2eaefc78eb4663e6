#include "tests/support/roundings.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/named_formula.h"

namespace engram::testing {
namespace {

/// Of the runs that need it, every fourth try follows or more.
constexpr int kRoundings = 24;

}  // namespace

std::vector<float> rounded(std::vector<float> values, const std::string& name, std::uint64_t seed, int rounding) {
  if (rounding == 0) return values;
  const std::vector<double> u =
      formula_uniform(name + ".rounding." + std::to_string(rounding), seed, dim_t(values.size()));
  for (std::size_t i = 0; i < u.size(); ++i) values[i] *= 1 + float(std::floor(3 * u[i]) - 1) * 0x1p-23f;
  return values;
}

void expect_a_rounding_follows(
    const std::string& what,
    const std::function<std::size_t(int rounding, const ::testing::TestPartResultArray& misses)>& follow) {
  std::size_t furthest = 0;
  std::string missed;
  for (int rounding = 0; rounding < kRoundings; ++rounding) {
    ::testing::TestPartResultArray misses;
    std::size_t steps = 0;
    {
      const ::testing::ScopedFakeTestPartResultReporter kept(
          ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &misses);
      steps = follow(rounding, misses);
    }
    if (misses.size() == 0) return;
    if (steps <= furthest) continue;
    furthest = steps;
    missed.clear();
    for (int i = 0; i < misses.size(); ++i) missed += std::string(misses.GetTestPartResult(i).message()) + "\n";
  }
  ADD_FAILURE() << what << ": no rounding follows; the furthest, after " << furthest << " steps, misses\n" << missed;
}

}  // namespace engram::testing
