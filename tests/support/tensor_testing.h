#pragma once
/// Comparisons of tensors.

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/tensor.h"
#include "tests/support/kernel_testing.h"

namespace engram::testing {

/// Largest difference of two tensors relative to the largest expected magnitude; huge for other extents or values that
/// are not finite.
inline double relative_difference(const Tensor& actual, const Tensor& expected) {
  constexpr double kHuge = 1e30;
  if (actual.shape() != expected.shape()) return kHuge;
  const auto a = actual.to_vector(), b = expected.to_vector();
  double largest = 0, scale = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::isfinite(a[i]) ? double(std::abs(a[i] - b[i])) : kHuge);
    scale = std::max(scale, double(std::abs(b[i])));
  }
  return largest / scale;
}

/// Uniform in [-1, 1), the same for the same seed.
inline Tensor random_tensor(const Shape& shape, unsigned seed) {
  return Tensor::from(random_values(numel(shape), seed), shape);
}

/// A GoogleTest name from an architecture's.
inline std::string test_name(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

}  // namespace engram::testing
