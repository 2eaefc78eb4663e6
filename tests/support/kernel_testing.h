#pragma once
/// Helpers of the kernel tests: data, poisoned outputs, thread counts.

#include <omp.h>

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

/// `count` normal values, the same for the same seed.
inline std::vector<float> normal_values(dim_t count, unsigned seed, float mean = 0, float std = 1) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(mean, std);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = normal(rng);
  return values;
}

/// The values as the references in double want them.
inline std::vector<double> widen(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

/// `count` NaNs: an output that a kernel must overwrite.
inline std::vector<float> poisoned(dim_t count) {
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

/// Runs `body()` at 1, 2 and 3 OpenMP threads and returns the three results; restores the thread count.
template <class Body>
auto at_thread_counts(const Body& body) {
  const int before = omp_get_max_threads();
  std::vector<decltype(body())> results;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    results.push_back(body());
  }
  omp_set_num_threads(before);
  return results;
}

}  // namespace engram::testing
