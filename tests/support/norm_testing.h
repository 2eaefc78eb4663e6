#pragma once
/// Data of the tests of normalising operations, and how their results are compared.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/common/activation.h"
#include "tests/support/op_case.h"

namespace engram::testing {

/// An NCHW shape as the kernels describe planar activations.
inline kernels::ActivationShape planar(const Shape& s) {
  return {s[0], s[1], s[2], s[3], 1};
}

/// Values spread by a sine.
inline Tensor spread(const Shape& shape, float phase) {
  std::vector<float> values(std::size_t(numel(shape)), 0.f);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.7f * float(i) + phase);
  return Tensor::from(values, shape, test_device());
}

inline std::vector<double> to_double(const Tensor& x) {
  const std::vector<float> values = x.to_vector();
  return {values.begin(), values.end()};
}

/// |got - expected| <= tolerance (1 + |expected|).
inline void expect_near(const Tensor& got, const Tensor& expected, double tolerance) {
  const auto a = got.to_vector(), b = expected.to_vector();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << "at " << i;
}

}  // namespace engram::testing
