/// Vector exp and tanh against the double-precision library functions, and the lanes they compute in, each compiled for
/// every instruction set and run on those that this processor has.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/common/vec_math.h"

namespace engram::kernels {
namespace {

template <class V>
ENGRAM_ALWAYS_INLINE void exp_all_lanes(const float* x, float* y, dim_t count) {
  for (dim_t i = 0; i < count; i += 16) store16(y + i, exp16(load16<V>(x + i)));
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, exp_all, (const float* x, float* y, dim_t count), (x, y, count))

template <class V>
ENGRAM_ALWAYS_INLINE void normal_exp_all_lanes(const float* x, float* y, dim_t count) {
  for (dim_t i = 0; i < count; i += 16) store16(y + i, normal_exp16(load16<V>(x + i)));
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, normal_exp_all, (const float* x, float* y, dim_t count), (x, y, count))

template <class V>
ENGRAM_ALWAYS_INLINE void tanh_all_lanes(const float* x, float* y, dim_t count) {
  for (dim_t i = 0; i < count; i += 16) store16(y + i, tanh16(load16<V>(x + i)));
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, tanh_all, (const float* x, float* y, dim_t count), (x, y, count))

/// Sum, largest lane, and sixteen results each: the first `count` values and -1; larger of x and y; x above y ? 1 : 0;
/// lane `count` ? x : -0; y copied up to `count`.
struct LaneResults {
  float sum, largest;
  float partial[16], larger[16], above[16], only[16], copied[16];
};
template <class V>
ENGRAM_ALWAYS_INLINE void use_lanes_lanes(const float* x, const float* y, dim_t count, LaneResults& out) {
  const V a = load16<V>(x), b = load16<V>(y);
  out.sum = sum_lanes(a);
  out.largest = max_lanes(a);
  store16(out.partial, load_partial16<V>(x, count, -1));
  store16(out.larger, max16(a, b));
  store16(out.above, select(a > b, splat<V>(1), V{}));
  store16(out.only, select(lane16<V>(count), a, splat<V>(-0.f)));
  store_partial16(out.copied, b, count);
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, use_lanes, (const float* x, const float* y, dim_t count, LaneResults& out),
                                (x, y, count, out))

/// Runs a test on each instruction set that this processor has.
class VecMath : public ::testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    limit_instruction_set(InstructionSet::kAvx512);
    if (instruction_set() < GetParam()) GTEST_SKIP() << "not on this processor";
    limit_instruction_set(GetParam());
  }
  void TearDown() override { limit_instruction_set(InstructionSet::kAvx512); }
};
INSTANTIATE_TEST_SUITE_P(InstructionSets, VecMath,
                         ::testing::Values(InstructionSet::kBaseline, InstructionSet::kAvx2, InstructionSet::kAvx512));

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

TEST_P(VecMath, ExpIsWithinOneAndAHalfUlp) {
  std::vector<float> x, y(1 << 20);
  for (int i = 0; i < 1 << 20; ++i) x.push_back(-103.9f + 192.6f * float(i) / (1 << 20));
  exp_all(x.data(), y.data(), dim_t(x.size()));
  EXPECT_LT(worst_ulp(x, y, std::exp), 1.5);
}

TEST_P(VecMath, NormalExpIsExpWhereResultsAreNormal) {
  std::vector<float> x, y(1 << 20), expected(1 << 20);
  for (int i = 0; i < 1 << 20; ++i) x.push_back(-87.3f + 175.3f * float(i) / (1 << 20));
  x[0] = 0, x[1] = -0.f;
  normal_exp_all(x.data(), y.data(), dim_t(x.size()));
  exp_all(x.data(), expected.data(), dim_t(x.size()));
  EXPECT_EQ(y, expected);
  for (int i = 0; i < 1 << 20; ++i) x[std::size_t(i)] = -87.7f - float(i);  // down to -10^6
  x[5] = -std::numeric_limits<float>::infinity(), x[7] = -std::numeric_limits<float>::max();
  normal_exp_all(x.data(), y.data(), dim_t(x.size()));
  EXPECT_EQ(y, std::vector<float>(1 << 20, 0.f));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int payload = 0; payload < 16; ++payload) {
    x[std::size_t(payload)] = std::nanf(std::to_string(0x123 * payload).c_str());
    if (payload % 2) x[std::size_t(payload)] = std::copysign(x[std::size_t(payload)], -nan);
  }
  normal_exp_all(x.data(), y.data(), 16);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(std::isnan(y[std::size_t(i)])) << i;
}

TEST_P(VecMath, TanhIsWithinThreeUlpAlsoNearZero) {
  std::vector<float> x, y(1 << 20);
  for (int i = 0; i < 1 << 19; ++i) x.push_back(-11.f + 22.f * float(i) / (1 << 19));
  for (int i = 0; i < 1 << 19; ++i) x.push_back(std::ldexp(1.f + float(i % 4099) / 4099, -30 + i % 34));
  tanh_all(x.data(), y.data(), dim_t(x.size()));
  EXPECT_LT(worst_ulp(x, y, std::tanh), 3);
}

TEST_P(VecMath, SpecialValues) {
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

TEST_P(VecMath, LanesOfEveryCount) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), minus_nan = std::copysign(nan, -1.f);
  float x[16], y[16];
  for (int i = 0; i < 16; ++i) x[i] = float((i * 7) % 16), y[i] = float((i * 5) % 16);
  x[1] = nan, y[2] = nan, y[3] = minus_nan;
  for (int count = 0; count <= 16; ++count) {
    LaneResults r;
    std::fill_n(r.copied, 16, -7.f);
    use_lanes(x, y, count, r);
    EXPECT_TRUE(std::isnan(r.sum));
    for (int i = 0; i < 16; ++i) {
      const auto same = [&](float value, float expected) {
        EXPECT_TRUE(value == expected || (std::isnan(value) && std::isnan(expected)))
            << "lane " << i << ", count " << count << ": expected " << expected << ", got " << value;
      };
      same(r.partial[i], i < count ? x[i] : -1);
      same(r.larger[i], x[i] > y[i] ? x[i] : y[i]);
      same(r.above[i], x[i] > y[i] ? 1 : 0);
      same(r.only[i], i == count ? x[i] : 0);
      EXPECT_TRUE(i == count || std::signbit(r.only[i]));
      same(r.copied[i], i < count ? y[i] : -7);
    }
  }
}

TEST_P(VecMath, LaneReductions) {
  float values[16];
  LaneResults r;
  for (int largest = 0; largest < 16; ++largest) {
    for (int i = 0; i < 16; ++i) values[i] = float((i * 7) % 16);
    values[largest] += 100;
    use_lanes(values, values, 0, r);
    EXPECT_EQ(r.sum, 220);
    EXPECT_EQ(r.largest, values[largest]);
  }
  // The order is the same everywhere: halves, quarters, pairs.
  for (int i = 0; i < 16; ++i) values[i] = std::ldexp(1.f + float(i), 3 * (i % 8));
  use_lanes(values, values, 0, r);
  float v[16];
  std::copy_n(values, 16, v);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) v[i] += v[i + half];
  EXPECT_EQ(r.sum, v[0]);
}

}  // namespace
}  // namespace engram::kernels
