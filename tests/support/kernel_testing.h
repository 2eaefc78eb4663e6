#pragma once
/// Helpers of the kernel tests: data, poisoned outputs.

#include <limits>
#include <random>
#include <vector>

#include "kernels/common/types.h"

namespace engram::testing {

/// `count` values, uniform in [low, high), the same for the same seed.
inline std::vector<float> random_values(dim_t count, unsigned seed, float low = -1, float high = 1) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(rng);
  return values;
}

/// `count` NaNs: an output that a kernel must overwrite.
inline std::vector<float> poisoned(dim_t count) {
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace engram::testing
