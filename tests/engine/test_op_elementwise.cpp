/// Elementwise operations: values, gradients of order 1 and 2, broadcasting, layouts.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

/// Reference of a broadcasting binary operation.
Array broadcast_map(const Array& a, const Array& b, double (*f)(double, double)) {
  Array y(broadcast_shapes("reference", a.shape, b.shape));
  const auto index = [&](const Array& x, dim_t flat) {
    dim_t position = 0, stride = 1;
    for (int i = int(y.shape.size()) - 1, j = int(x.shape.size()) - 1; j >= 0; --i, --j) {
      const dim_t coordinate = flat % y.shape[i];
      flat /= y.shape[i];
      position += (x.shape[j] == 1 ? 0 : coordinate) * stride;
      stride *= x.shape[j];
    }
    return position;
  };
  for (dim_t i = 0; i < numel(y.shape); ++i) y.values[i] = f(a.values[index(a, i)], b.values[index(b, i)]);
  return y;
}

struct UnaryCase {
  const char* name;
  Tensor (*op)(const Tensor&);
  double (*reference)(double);
  double low, high, kink;
};

class UnaryOpTest : public ::testing::TestWithParam<UnaryCase> {};

TEST_P(UnaryOpTest, ValuesAndGradients) {
  const UnaryCase c = GetParam();
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7, 3}, Shape{2, 16, 3, 5}})
    check_op({.name = c.name,
              .inputs = {shape},
              .op = [&](const auto& x) { return c.op(x[0]); },
              .reference = [&](const auto& x) { return map(x[0], c.reference); },
              .low = c.low,
              .high = c.high,
              .kink = c.kink});
}

INSTANTIATE_TEST_SUITE_P(
    All, UnaryOpTest,
    ::testing::Values(
        UnaryCase{"neg", neg, [](double x) { return -x; }, -2, 2, -1},
        UnaryCase{"exp", exp, [](double x) { return std::exp(x); }, -2, 2, -1},
        UnaryCase{"log", log, [](double x) { return std::log(x); }, 0.3, 2, -1},
        UnaryCase{"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 0.3, 2, -1},
        UnaryCase{"tanh", tanh, [](double x) { return std::tanh(x); }, -2, 2, -1},
        UnaryCase{"sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -2, 2, -1},
        UnaryCase{"relu", relu, [](double x) { return x > 0 ? x : 0; }, -2, 2, 0.01},
        UnaryCase{"leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.2f); },
                  [](double x) { return x > 0 ? x : 0.2 * x; }, -2, 2, 0.01},
        UnaryCase{"abs", abs, [](double x) { return std::abs(x); }, -2, 2, 0.01},
        UnaryCase{"clamp", [](const Tensor& x) { return clamp(x, -5, 0); },
                  [](double x) { return std::min(std::max(x, -5.0), 0.0); }, -2, 2, 0.01},
        UnaryCase{"pow_scalar", [](const Tensor& x) { return pow(x, 2.5f); }, [](double x) { return std::pow(x, 2.5); },
                  0.3, 2, -1},
        UnaryCase{"square", square, [](double x) { return x * x; }, -2, 2, -1},
        UnaryCase{"add_scalar", [](const Tensor& x) { return x + 3.f; }, [](double x) { return x + 3; }, -2, 2, -1},
        UnaryCase{"rsub_scalar", [](const Tensor& x) { return 1.f - x; }, [](double x) { return 1 - x; }, -2, 2, -1},
        UnaryCase{"mul_scalar", [](const Tensor& x) { return x * -1.5f; }, [](double x) { return -1.5 * x; }, -2, 2,
                  -1}),
    [](const auto& info) { return info.param.name; });

struct BinaryCase {
  const char* name;
  Tensor (*op)(const Tensor&, const Tensor&);
  double (*reference)(double, double);
  double low, high;
};

class BinaryOpTest : public ::testing::TestWithParam<BinaryCase> {};

TEST_P(BinaryOpTest, ValuesAndGradients) {
  const BinaryCase c = GetParam();
  const std::vector<std::pair<Shape, Shape>> shapes = {{{}, {}},
                                                       {{5}, {5}},
                                                       {{3, 1, 5}, {4, 1}},
                                                       {{2, 16, 3, 3}, {2, 16, 3, 3}},
                                                       {{2, 16, 3, 3}, {16, 1, 1}},
                                                       {{1}, {2, 16, 1, 3}}};
  for (const auto& [a, b] : shapes)
    check_op({.name = message(c.name, to_string(a), to_string(b)),
              .inputs = {a, b},
              .op = [&](const auto& x) { return c.op(x[0], x[1]); },
              .reference = [&](const auto& x) { return broadcast_map(x[0], x[1], c.reference); },
              .low = c.low,
              .high = c.high});
}

INSTANTIATE_TEST_SUITE_P(
    All, BinaryOpTest,
    ::testing::Values(BinaryCase{"add", add, [](double a, double b) { return a + b; }, -2, 2},
                      BinaryCase{"sub", sub, [](double a, double b) { return a - b; }, -2, 2},
                      BinaryCase{"mul", mul, [](double a, double b) { return a * b; }, -2, 2},
                      BinaryCase{"div", div, [](double a, double b) { return a / b; }, 0.5, 2},
                      BinaryCase{"pow", pow, [](double a, double b) { return std::pow(a, b); }, 0.5, 2},
                      BinaryCase{"maximum", maximum, [](double a, double b) { return a > b ? a : b; }, -2, 2},
                      BinaryCase{"minimum", minimum, [](double a, double b) { return a < b ? a : b; }, -2, 2}),
    [](const auto& info) { return info.param.name; });

TEST(Elementwise, ShapesThatDoNotBroadcastAreNamed) {
  try {
    add(Tensor::ones({2, 3}), Tensor::ones({4}));
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_STREQ(error.what(), "[add] expected shapes that broadcast, got [2,3] and [4]");
  }
  EXPECT_THROW(add(Tensor::ones({2}), Tensor::from(std::vector<std::int32_t>{1, 2}, {2})), DTypeError);
}

}  // namespace
}  // namespace engram::testing
