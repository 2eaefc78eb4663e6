#include "tests/support/golden_tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/golden.h"

namespace engram::testing {

Shape shape_of(const nlohmann::json& summary) {
  return summary.at("shape").get<Shape>();
}

void expect_summary(const Tensor& x, const nlohmann::json& summary, double tolerance, const std::string& what) {
  ASSERT_TRUE(x.defined()) << what;
  ASSERT_EQ(x.numel(), numel(shape_of(summary))) << what << ": " << x.describe();
  const std::vector<float> values = x.to_vector();
  double squares = 0;
  for (const float v : values) squares += double(v) * double(v);
  const double norm = summary.at("norm"), typical = norm / std::sqrt(double(values.size()));
  expect_relative(std::sqrt(squares), norm, tolerance, "norm of " + what);
  const auto& first = summary.at("first");
  for (std::size_t i = 0; i < first.size(); ++i)
    expect_relative(double(values.at(i)), first[i], tolerance, what + " at " + std::to_string(i), typical);
  for (const auto& entry : summary.at("at")) {
    const std::size_t i = entry.at(0);
    expect_relative(double(values.at(i)), entry.at(1), tolerance, what + " at " + std::to_string(i), typical);
  }
}

void expect_list(const Tensor& x, const nlohmann::json& list, double tolerance, const std::string& what, double share) {
  if (list.is_null()) {
    if (x.defined()) {
      for (const float v : x.to_vector()) EXPECT_EQ(v, 0) << what;
    }
    return;
  }
  const std::vector<double> expected = list;
  const std::vector<float> values = x.defined() ? x.to_vector() : std::vector<float>(expected.size(), 0.f);
  ASSERT_EQ(values.size(), expected.size()) << what;
  double largest = 0;
  for (const double v : expected) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < values.size(); ++i)
    expect_relative(double(values[i]), expected[i], tolerance, what + " at " + std::to_string(i), share * largest);
}

}  // namespace engram::testing
