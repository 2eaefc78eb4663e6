/// Padding, crops, flips and row moves against the double-precision reference, in planar and blocked order.

#include <gtest/gtest.h>

#include <array>

#include "kernels/spatial/spatial.h"
#include "tests/support/activation_testing.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::from_block;
using ::engram::testing::poisoned;
using ::engram::testing::random_values;
using ::engram::testing::to_block;
using testing::widen;

std::vector<ActivationShape> shapes() {
  return {{3, 3, 5, 7, 1}, {2, 48, 5, 7, 1}, {2, 48, 5, 7, 16}, {2, 48, 5, 7, 48}, {5, 16, 31, 33, 16}};
}

std::vector<float> narrow(const std::vector<double>& x) {
  return {x.begin(), x.end()};
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

TEST(Spatial, PadMatchesReference) {
  for (const ActivationShape& s : shapes()) {
    for (const auto& [top, bottom, left, right] :
         {std::array<dim_t, 4>{1, 2, 3, 0}, {0, 0, 0, 0}, {-1, 2, 1, -3}, {-5, 1, 0, 0}}) {
      const ActivationShape out{s.n, s.c, s.h + top + bottom, s.w + left + right, s.block};
      const auto x = random_values(s.count(), 1);
      const auto blocked = to_block(s, x);
      auto y = poisoned(out.count());
      backend_under_test().spatial.pad({}, {s, blocked.data(), y.data(), top, bottom, left, right, 0.5f});
      std::vector<double> expected(y.size());
      reference::pad(s, top, bottom, left, right, 0.5, widen(x).data(), expected.data());
      EXPECT_EQ(from_block(out, y), narrow(expected));
    }
  }
}

TEST(Spatial, CropMatchesReferenceAndItsNegationIsTheAdjoint) {
  for (const ActivationShape& s : shapes()) {
    for (dim_t grow : {0, 2, -2}) {
      const ActivationShape out{s.n, s.c, s.h + grow, s.w + grow, s.block};
      const std::vector<std::int32_t> offsets = {0, 0, -2, 3, 4, -4, 1, 1, -40, 40};
      const auto x = random_values(s.count(), 2), dy = random_values(out.count(), 3);
      const auto blocked = to_block(s, x);
      const auto results = at_schedules([&] {
        auto y = poisoned(out.count()), dx = poisoned(s.count());
        backend_under_test().spatial.shifted_crop({}, {s, blocked.data(), offsets.data(), out.h, out.w, y.data()});
        backend_under_test().spatial.shifted_crop({}, {out, dy.data(), offsets.data(), s.h, s.w, dx.data(), true});
        return std::pair(y, dx);
      });
      EXPECT_EQ(results[0], results[1]);
      EXPECT_EQ(results[0], results[2]);
      const auto& [y, dx] = results[0];
      std::vector<double> expected(y.size());
      reference::shifted_crop(s, offsets.data(), out.h, out.w, widen(x).data(), expected.data());
      EXPECT_EQ(from_block(out, y), narrow(expected));
      EXPECT_NEAR(dot(y, dy), dot(blocked, dx), 1e-4);
    }
  }
}

TEST(Spatial, FlipMatchesReference) {
  const std::vector<std::uint8_t> flags = {1, 0, 255, 0, 1}, all(5, 1);
  for (const ActivationShape& s : shapes()) {
    const auto x = random_values(s.count(), 4);
    const auto blocked = to_block(s, x);
    std::vector<double> expected(x.size()), expected_all(x.size());
    reference::horizontal_flip(s, flags.data(), widen(x).data(), expected.data());
    reference::horizontal_flip(s, all.data(), widen(x).data(), expected_all.data());
    auto y = poisoned(s.count());
    backend_under_test().spatial.horizontal_flip({}, {s, blocked.data(), flags.data(), y.data()});
    EXPECT_EQ(from_block(s, y), narrow(expected));
    backend_under_test().spatial.horizontal_flip({}, {s, blocked.data(), nullptr, y.data()});
    EXPECT_EQ(from_block(s, y), narrow(expected_all));
  }
}

TEST(Spatial, GatherTakesRowsOfAnySize) {
  const std::vector<std::int32_t> index = {4, 0, 0, 3, 1};
  for (dim_t width : {1, 3, 1000}) {
    const auto x = random_values(5 * width, 5);
    auto y = poisoned(5 * width);
    backend_under_test().spatial.gather_rows({}, {x.data(), index.data(), y.data(), 5, width * 4});
    for (dim_t i = 0; i < 5; ++i)
      for (dim_t j = 0; j < width; ++j) ASSERT_EQ(y[i * width + j], x[index[i] * width + j]);
  }
  const std::vector<std::uint8_t> bytes = {10, 11, 20, 21, 30, 31, 40, 41, 50, 51};
  std::vector<std::uint8_t> picked(6);
  backend_under_test().spatial.gather_rows({}, {bytes.data(), index.data() + 2, picked.data(), 3, 2});
  EXPECT_EQ(picked, (std::vector<std::uint8_t>{10, 11, 40, 41, 20, 21}));
}

TEST(Spatial, ScatterAddsRepeatedRowsInOrder) {
  for (dim_t width : {1, 7, 200}) {
    const dim_t rows = 301, targets = 11;
    std::vector<std::int32_t> index(rows);
    for (dim_t i = 0; i < rows; ++i) index[i] = std::int32_t(i * i % targets);
    const auto x = random_values(rows * width, 6);
    const auto results = at_schedules([&] {
      std::vector<float> y(targets * width, 0.25f);
      backend_under_test().spatial.scatter_add_rows({}, {x.data(), index.data(), y.data(), rows, width});
      return y;
    });
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
    std::vector<double> expected(targets * width, 0.25);
    reference::scatter_add_rows(widen(x).data(), index.data(), rows, width, expected.data());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(results[0][i], expected[i], 1e-5);
  }
}

TEST(Spatial, FirstOutOfRangeFindsNegativeAndLargePositions) {
  const std::vector<std::int32_t> index = {0, 4, 2, 5, -1};
  const auto first_bad = [](const std::vector<std::int32_t>& values, dim_t count, dim_t bound) {
    std::int32_t first = -77;
    backend_under_test().spatial.first_out_of_range({}, {values.data(), count, bound, &first});
    return first;
  };
  EXPECT_EQ(first_bad(index, 5, 5), 3);
  EXPECT_EQ(first_bad(index, 5, 6), 4);
  EXPECT_EQ(first_bad(index, 3, 5), -1);
  EXPECT_EQ(first_bad(index, 0, 5), -1);
  std::vector<std::int32_t> long_index(5003, 1);
  long_index[2500] = long_index[4100] = 9;
  EXPECT_EQ(first_bad(long_index, 5003, 9), 2500);
}

}  // namespace
}  // namespace engram::kernels
