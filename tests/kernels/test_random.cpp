/// Philox against its published vectors; moments; the same bits on every back end; independence of chunks and threads.
/// Fills against the word-by-word reference: kernel_cases/random.cpp.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/philox.h"
#include "kernels/random/random.h"
#include "kernels/random/random_formulas.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::poisoned;

void expect_block(const PhiloxBlock& actual, const PhiloxBlock& expected) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(actual.word[i], expected.word[i]) << "word " << i;
}

// Known answers published with the Random123 library.
TEST(Philox, KnownAnswers) {
  const std::uint32_t ones = 0xffffffff;
  expect_block(philox4x32_10({{0, 0, 0, 0}}, 0, 0), {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}});
  expect_block(philox4x32_10({{ones, ones, ones, ones}}, ones, ones),
               {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}});
  expect_block(philox4x32_10({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
               {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}});
}

const std::vector<RandomStream>& streams() {
  // The last one crosses 2^32 blocks.
  static const std::vector<RandomStream> all = {{1, 0}, {7, 3}, {0xfedcba9876543210, 12345}, {9, (1ull << 34) - 37}};
  return all;
}

TEST(Random, EveryBackEndFillsWithTheSameBits) {
  for (const RandomStream& stream : streams()) {
    for (dim_t shift : {0, 1, 2, 3}) {
      const RandomStream from = {stream.seed, stream.offset + std::uint64_t(shift)};
      const dim_t count = 1001;
      auto tested = poisoned(3 * count), expected = tested;
      std::vector<std::int32_t> tested_k(count), expected_k(count);
      const auto fill = [&](const RandomKernels& kernels, std::vector<float>& y, std::vector<std::int32_t>& k) {
        kernels.uniform({}, {y.data(), count, from, -2.f, 3.f});
        kernels.normal({}, {y.data() + count, count, from, 0.5f, 2.f});
        kernels.bernoulli({}, {y.data() + 2 * count, count, from, 0.25, 4.f});
        kernels.integers({}, {k.data(), count, from, -3, 17});
      };
      fill(backend_under_test().random, tested, tested_k);
      fill(cpu_backend().random, expected, expected_k);
      EXPECT_EQ(tested, expected);
      EXPECT_EQ(tested_k, expected_k);
    }
  }
}

// The base is read by the fill: what a captured graph repeats draws anew where another one is written there.
TEST(Random, ABaseInMemoryMovesTheStream) {
  for (const std::uint64_t base : {std::uint64_t(0), std::uint64_t(7), std::uint64_t(1) << 40, ~std::uint64_t(0) - 3}) {
    const RandomStream plain = {7, 12 + base}, based = {7, 12, &base};
    const dim_t count = 101;
    auto expected = poisoned(3 * count), tested = expected;
    std::vector<std::int32_t> expected_k(count), tested_k(count);
    const auto fill = [&](const RandomStream& stream, std::vector<float>& y, std::vector<std::int32_t>& k) {
      const RandomKernels& kernels = backend_under_test().random;
      kernels.uniform({}, {y.data(), count, stream, -2.f, 3.f});
      kernels.normal({}, {y.data() + count, count, stream, 0.5f, 2.f});
      kernels.bernoulli({}, {y.data() + 2 * count, count, stream, 0.25, 4.f});
      kernels.integers({}, {k.data(), count, stream, -3, 17});
    };
    fill(plain, expected, expected_k);
    fill(based, tested, tested_k);
    EXPECT_EQ(tested, expected) << base;
    EXPECT_EQ(tested_k, expected_k) << base;
  }
}

TEST(Random, NormalFormulaAtTheEdges) {
  float first, second;
  normal_pair(0, 0, first, second);  // u = 2^-33, angle 0
  EXPECT_NEAR(first, std::sqrt(66 * std::log(2.0)), 1e-5);
  EXPECT_EQ(second, 0.f);
  normal_pair(0xffffffff, 0, first, second);  // u = 1 - 2^-33
  EXPECT_NEAR(first, 0x1p-16, 1e-11);
  EXPECT_EQ(second, 0.f);
  for (std::uint32_t word : {0xbfffffffu, 0xc0000000u, 0xb504f332u, 0xb504f334u, 0x3fffffffu, 0x12345678u}) {
    EXPECT_NEAR(log_of_unit(word), std::log((word + 0.5) / 4294967296.0), 2e-7);
  }
  for (std::uint32_t quarter = 0; quarter < 4; ++quarter) {
    normal_pair(0x80000000, quarter << 30, first, second);
    const double radius = std::sqrt(2 * std::log(2.0));
    EXPECT_NEAR(first, radius * std::cos(quarter * M_PI / 2), 1e-6);
    EXPECT_NEAR(second, radius * std::sin(quarter * M_PI / 2), 1e-6);
  }
}

TEST(Random, UniformStaysBelowItsUpperEnd) {
  std::vector<float> u(1 << 18);
  backend_under_test().random.uniform({}, {u.data(), dim_t(u.size()), {3, 0}, 1.f, std::nextafter(1.f, 2.f)});
  EXPECT_EQ(*std::max_element(u.begin(), u.end()), 1.f);
}

TEST(Random, Moments) {
  const dim_t count = 1 << 19;
  auto z = poisoned(count), u = poisoned(count);
  backend_under_test().random.normal({}, {z.data(), count, {11, 5}});
  backend_under_test().random.uniform({}, {u.data(), count, {12, 5}});
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0, mean_u = 0, square_u = 0;
  for (dim_t i = 0; i < count; ++i) {
    const double v = z[i];
    m1 += v;
    m2 += v * v;
    m3 += v * v * v;
    m4 += v * v * v * v;
    if (i) lag += v * z[i - 1];
    mean_u += u[i];
    square_u += double(u[i]) * u[i];
  }
  const double n = double(count), deviation = 1 / std::sqrt(n);  // bounds: four standard deviations of each estimate
  EXPECT_NEAR(m1 / n, 0, 4 * deviation);
  EXPECT_NEAR(m2 / n, 1, 4 * std::sqrt(2.0) * deviation);
  EXPECT_NEAR(m3 / n, 0, 4 * std::sqrt(15.0) * deviation);
  EXPECT_NEAR(m4 / n, 3, 4 * std::sqrt(96.0) * deviation);
  EXPECT_NEAR(lag / n, 0, 4 * deviation);
  EXPECT_NEAR(mean_u / n, 0.5, 4 * std::sqrt(1.0 / 12) * deviation);
  EXPECT_NEAR(square_u / n, 1.0 / 3, 4 * std::sqrt(4.0 / 45) * deviation);
}

TEST(Random, ValuesDependOnTheirPlaceInTheStreamOnly) {
  const dim_t count = 70001;
  const auto results = at_schedules([&] {
    auto z = poisoned(count);
    backend_under_test().random.normal({}, {z.data(), count, {21, 2}});
    return z;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
  auto tail = poisoned(count - 101);
  backend_under_test().random.normal({}, {tail.data(), count - 101, {21, 2 + 101}});
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), results[0].begin() + 101));
}

TEST(Random, PermutationHoldsEachIndexOnce) {
  std::vector<std::int32_t> p(1001), q(1001), other(1001);
  random_permutation({5, 0}, p.data(), 1001);
  random_permutation({5, 0}, q.data(), 1001);
  random_permutation({6, 0}, other.data(), 1001);
  EXPECT_EQ(p, q);
  EXPECT_NE(p, other);
  dim_t in_place = 0;
  for (int i = 0; i < 1001; ++i) in_place += p[i] == i;
  EXPECT_LT(in_place, 10);
  std::sort(p.begin(), p.end());
  for (int i = 0; i < 1001; ++i) EXPECT_EQ(p[i], i);
}

TEST(Random, PermutationsOfThreeAreEquallyFrequent) {
  int seen[3][3] = {};
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::int32_t p[3];
    random_permutation({seed, 0}, p, 3);
    for (int i = 0; i < 3; ++i) ++seen[i][p[i]];
  }
  for (const auto& row : seen)
    for (int times : row) EXPECT_NEAR(times, 1000, 110);
}

}  // namespace
}  // namespace engram::kernels
