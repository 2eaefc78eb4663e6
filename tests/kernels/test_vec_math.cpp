/// Vector exp and tanh against the double-precision library functions.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/common/vec_math.h"

namespace engram::kernels {
namespace {

ENGRAM_MULTIVERSION void exp_all(const float* x, float* y, dim_t count) {
  for (dim_t i = 0; i < count; i += 16) store16(y + i, exp16(load16(x + i)));
}

ENGRAM_MULTIVERSION void tanh_all(const float* x, float* y, dim_t count) {
  for (dim_t i = 0; i < count; i += 16) store16(y + i, tanh16(load16(x + i)));
}

/// Distance of neighbouring f32 numbers at |x|.
double spacing(double x) {
  const float magnitude = std::max(float(std::abs(x)), std::numeric_limits<float>::min());
  return double(std::nextafter(magnitude, std::numeric_limits<float>::infinity())) - magnitude;
}

double worst_ulp(const std::vector<float>& x, const std::vector<float>& y, double (*f)(double)) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = f(x[i]);
    worst = std::max(worst, std::abs(y[i] - expected) / spacing(expected));
  }
  return worst;
}

TEST(VecMath, ExpIsWithinOneAndAHalfUlp) {
  std::vector<float> x, y(1 << 20);
  for (int i = 0; i < 1 << 20; ++i) x.push_back(-103.9f + 192.6f * float(i) / (1 << 20));
  exp_all(x.data(), y.data(), dim_t(x.size()));
  EXPECT_LT(worst_ulp(x, y, std::exp), 1.5);
}

TEST(VecMath, TanhIsWithinThreeUlpAlsoNearZero) {
  std::vector<float> x, y(1 << 20);
  for (int i = 0; i < 1 << 19; ++i) x.push_back(-11.f + 22.f * float(i) / (1 << 19));
  for (int i = 0; i < 1 << 19; ++i) x.push_back(std::ldexp(1.f + float(i % 4099) / 4099, -30 + i % 34));
  tanh_all(x.data(), y.data(), dim_t(x.size()));
  EXPECT_LT(worst_ulp(x, y, std::tanh), 3);
}

TEST(VecMath, SpecialValues) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> x(16, 0.f), y(16);
  x[1] = infinity, x[2] = -infinity, x[3] = nan, x[4] = -0.f, x[5] = 1e-40f;
  exp_all(x.data(), y.data(), 16);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], infinity);
  EXPECT_EQ(y[2], 0);
  EXPECT_TRUE(std::isnan(y[3]));
  tanh_all(x.data(), y.data(), 16);
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], 1);
  EXPECT_EQ(y[2], -1);
  EXPECT_TRUE(std::isnan(y[3]));
  EXPECT_TRUE(std::signbit(y[4]));
  EXPECT_EQ(y[5], 1e-40f);
}

TEST(VecMath, LaneReductionsAndPartialLoads) {
  float values[16];
  for (int i = 0; i < 16; ++i) values[i] = float((i * 7) % 16);
  EXPECT_EQ(sum_lanes(load16(values)), 120);
  EXPECT_EQ(max_lanes(load16(values)), 15);
  EXPECT_EQ(sum_lanes(load_partial16(values, 3, 1)), 0 + 7 + 14 + 13);
  float out[5] = {-1, -1, -1, -1, -1};
  store_partial16(out, load16(values), 4);
  EXPECT_EQ(out[3], values[3]);
  EXPECT_EQ(out[4], -1);
}

}  // namespace
}  // namespace engram::kernels
