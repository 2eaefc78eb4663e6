/// Statistics and differences of arrays in files.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/io/tensor_bytes.h"
#include "engine/io/tensor_summary.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"

namespace engram::io {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

SafetensorsEntry entry(const std::vector<float>& values) {
  return {"x", FileDType::kF32, {dim_t(values.size())}, bytes_of(std::span<const float>(values))};
}

TEST(TensorSummary, StatisticsAreThoseOfTheFiniteElements) {
  const std::vector<float> values = {1, -3, 0, NAN, 4, kInfinity, -kInfinity, NAN, -0.f, 8};
  const TensorSummary s = summarize(entry(values));
  EXPECT_EQ(s.count, 10);
  EXPECT_EQ(s.num_nan, 2);
  EXPECT_EQ(s.num_infinite, 2);
  EXPECT_EQ(s.num_zero, 2);
  EXPECT_EQ(s.minimum, -3);
  EXPECT_EQ(s.maximum, 8);
  EXPECT_DOUBLE_EQ(s.mean, 10 / 6.0);
  EXPECT_NEAR(s.standard_deviation, std::sqrt(90 / 6.0 - 100 / 36.0), 1e-12);
}

TEST(TensorSummary, ALargeMeanDoesNotSwallowTheDeviation) {
  const std::vector<float> values = {100000.f, 100001.f};
  EXPECT_DOUBLE_EQ(summarize(entry(values)).standard_deviation, 0.5);
}

TEST(TensorSummary, NothingFiniteAndNothingAtAll) {
  const std::vector<float> none, nan = {NAN};
  EXPECT_EQ(summarize(entry(none)).count, 0);
  EXPECT_EQ(summarize(entry(nan)).minimum, 0);
  EXPECT_EQ(summarize(entry(nan)).maximum, 0);
}

TEST(TensorDifference, SameBytesAreSameWhateverTheyHold) {
  const std::vector<float> values = {1, NAN};
  const TensorDifference d = compare(entry(values), entry(values));
  EXPECT_TRUE(d.same_bytes);
  EXPECT_EQ(d.num_different, 0);
}

TEST(TensorDifference, StepsAreCountedAcrossZero) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> a = {0.f, -tiny, 1.f, 5.f}, b = {-0.f, tiny, std::nextafter(1.f, 2.f), 5.f};
  const TensorDifference d = compare(entry(a), entry(b));
  EXPECT_FALSE(d.same_bytes);
  EXPECT_EQ(d.num_different, 2);
  EXPECT_EQ(d.max_ulp, 2u);
  EXPECT_EQ(d.where, 2);
  EXPECT_DOUBLE_EQ(d.max_absolute, double(b[2]) - 1.0);
}

TEST(TensorDifference, NotFiniteAgainstANumberDiffersByInfinity) {
  const std::vector<float> a = {NAN, 1, NAN}, b = {NAN, kInfinity, 2};
  const TensorDifference d = compare(entry(a), entry(b));
  EXPECT_EQ(d.num_different, 2);
  EXPECT_EQ(d.max_absolute, double(kInfinity));
}

TEST(TensorDifference, TypesMayDifferAndShapesMayNot) {
  const std::vector<float> a = {1.5f, 2.f}, one = {1.f};
  const Bytes half = f32_to_f16_bytes(a);
  const TensorDifference d = compare(entry(a), {"x", FileDType::kF16, {2}, half});
  EXPECT_FALSE(d.same_bytes);
  EXPECT_EQ(d.num_different, 0);
  EXPECT_ERROR(compare(entry(a), entry(one)), ShapeError, "expected arrays of one shape");
  // An entry made by hand, with fewer bytes than its shape says.
  SafetensorsEntry cut = entry(a);
  cut.bytes = cut.bytes.first(sizeof(float));
  EXPECT_ERROR(compare(entry(a), cut), ShapeError, "expected arrays of as many elements");
}

}  // namespace
}  // namespace engram::io
