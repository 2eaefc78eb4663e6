/// Strided copies and additions against plain loops, for each element size and for the views that the engine makes.

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/strided_copy/strided_copy.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::random_values;

struct CopyCase {
  const char* name;
  std::vector<dim_t> shape, stride_x, stride_y;
  dim_t offset_x = 0;  ///< where x[0, ..., 0] lies in the buffer (reversed axes)
};

const std::vector<CopyCase>& copy_cases() {
  static const std::vector<CopyCase> all = {
      {"scalar", {}, {}, {}},
      {"dense", {7, 11, 13}, {143, 13, 1}, {143, 13, 1}},
      {"dense, long", {70000}, {1}, {1}},
      {"transposition", {37, 53}, {1, 37}, {53, 1}},
      {"batched transposition", {3, 33, 18}, {594, 1, 33}, {594, 18, 1}},
      {"large transposition", {259, 301}, {1, 259}, {301, 1}},
      {"weights to channels-last", {7, 9, 130}, {1170, 1, 9}, {1170, 130, 1}},
      {"weights from channels-last", {7, 130, 9}, {1170, 1, 130}, {1170, 9, 1}},
      {"narrow transposition", {4, 301}, {1, 4}, {301, 1}},
      {"planar to blocked", {2, 3, 35, 16}, {1680, 560, 1, 35}, {1680, 560, 16, 1}},
      {"blocked to planar", {2, 3, 16, 35}, {1680, 560, 1, 16}, {1680, 560, 35, 1}},
      {"axes reversed in order", {4, 5, 6, 7}, {1, 4, 20, 120}, {210, 42, 7, 1}},
      {"y permuted", {4, 5, 6}, {30, 6, 1}, {1, 4, 20}},
      {"slice", {3, 4, 5}, {90, 9, 1}, {20, 5, 1}},
      {"into a slice", {3, 4, 5}, {20, 5, 1}, {90, 9, 1}},
      {"broadcast rows", {5, 9}, {0, 1}, {9, 1}},
      {"broadcast columns", {5, 9}, {1, 0}, {9, 1}},
      {"flipped", {6, 10}, {10, -1}, {10, 1}, 9},
      {"step two", {6, 5}, {22, 2}, {5, 1}},
      {"extent one", {1, 6, 1, 5}, {99, 5, 77, 1}, {1, 5, 3, 1}},
      {"empty", {3, 0, 2}, {1, 1, 1}, {1, 1, 1}},
  };
  return all;
}

constexpr dim_t kBuffer = 80000;

template <class T>
void expect_copy_matches() {
  for (const CopyCase& c : copy_cases()) {
    std::vector<T> x(kBuffer), y(kBuffer, T(77)), expected(kBuffer, T(77));
    for (dim_t i = 0; i < kBuffer; ++i) x[i] = T(i * 31 + 5);
    StridedCopyArgs args{x.data() + c.offset_x, y.data(), sizeof(T), int(c.shape.size()), {}, {}, {}};
    std::copy(c.shape.begin(), c.shape.end(), args.shape);
    std::copy(c.stride_x.begin(), c.stride_x.end(), args.stride_x);
    std::copy(c.stride_y.begin(), c.stride_y.end(), args.stride_y);
    backend_under_test().strided_copy.copy({}, args);
    args.y = expected.data();
    reference::strided_copy(args);
    EXPECT_EQ(y, expected) << c.name << ", " << sizeof(T) << " bytes";
  }
}

TEST(StridedCopy, OneByte) {
  expect_copy_matches<std::uint8_t>();
}
TEST(StridedCopy, TwoBytes) {
  expect_copy_matches<std::uint16_t>();
}
TEST(StridedCopy, FourBytes) {
  expect_copy_matches<std::int32_t>();
}

TEST(StridedAdd, AddsAtEachThreadCount) {
  for (const CopyCase& c : copy_cases()) {
    const auto x = random_values(kBuffer, 1), start = random_values(kBuffer, 2);
    StridedAddArgs args{x.data() + c.offset_x, nullptr, int(c.shape.size()), {}, {}, {}};
    std::copy(c.shape.begin(), c.shape.end(), args.shape);
    std::copy(c.stride_x.begin(), c.stride_x.end(), args.stride_x);
    std::copy(c.stride_y.begin(), c.stride_y.end(), args.stride_y);
    const auto results = at_schedules([&] {
      auto y = start;
      args.y = y.data();
      backend_under_test().strided_copy.add({}, args);
      return y;
    });
    const std::vector<double> wide(x.begin(), x.end());
    std::vector<double> expected(start.begin(), start.end());
    reference::strided_add(wide.data() + c.offset_x, expected.data(), args.rank, args.shape, args.stride_x,
                           args.stride_y);
    for (const auto& y : results)
      for (dim_t i = 0; i < kBuffer; ++i) ASSERT_EQ(y[i], float(expected[i])) << c.name << " at " << i;
  }
}

}  // namespace
}  // namespace engram::kernels
