/// Matrix products against the double-precision reference.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/backend.h"
#include "kernels/common/error.h"
#include "kernels/matmul/matmul.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::poisoned;
using ::engram::testing::random_values;
using testing::widen;

/// Dense matrices one after the other.
MatmulArgs dense_matmul_args(dim_t m, dim_t n, dim_t k, bool transpose_a, bool transpose_b, dim_t batch = 1) {
  return {.m = m,
          .n = n,
          .k = k,
          .a = nullptr,
          .b = nullptr,
          .c = nullptr,
          .transpose_a = transpose_a,
          .transpose_b = transpose_b,
          .lda = transpose_a ? m : k,
          .ldb = transpose_b ? k : n,
          .ldc = n,
          .batch = batch,
          .stride_a = m * k,
          .stride_b = k * n,
          .stride_c = m * n};
}

void expect_near_reference(MatmulArgs args, const std::vector<float>& a, const std::vector<float>& b,
                           std::vector<float> c) {
  std::vector<double> expected = widen(c);
  args.a = a.data();
  args.b = b.data();
  args.c = c.data();
  cpu_backend().matmul.matmul({}, args);
  reference::matmul(args, widen(a).data(), widen(b).data(), expected.data());
  const double bound = 1e-6 * (4 + std::sqrt(double(args.k)));
  for (dim_t batch = 0; batch < args.batch; ++batch)
    for (dim_t i = 0; i < args.m; ++i)
      for (dim_t j = 0; j < args.n; ++j) {
        const dim_t at = batch * args.stride_c + i * args.ldc + j;
        ASSERT_NEAR(c[at], expected[at], bound) << args.m << "x" << args.n << "x" << args.k << " at " << i << "," << j;
      }
}

TEST(Matmul, AllTransposesAndOddExtents) {
  const dim_t extents[][3] = {{1, 1, 1},    {3, 5, 7},     {16, 16, 16},   {33, 1, 65},
                              {1, 130, 17}, {65, 67, 129}, {128, 10, 512}, {100, 90, 0}};
  for (const auto& [m, n, k] : extents)
    for (bool trans_a : {false, true})
      for (bool trans_b : {false, true}) {
        const MatmulArgs args = dense_matmul_args(m, n, k, trans_a, trans_b);
        expect_near_reference(args, random_values(m * k, 1), random_values(k * n, 2), poisoned(m * n));
      }
}

TEST(Matmul, AlphaBetaAndLeadingDimensions) {
  for (bool trans_a : {false, true})
    for (bool trans_b : {false, true}) {
      MatmulArgs args = dense_matmul_args(13, 21, 34, trans_a, trans_b);
      args.lda += 3;
      args.ldb += 5;
      args.ldc += 2;
      args.alpha = 0.5f;
      args.beta = -2;
      expect_near_reference(args, random_values(40 * 40, 3), random_values(40 * 40, 4), random_values(13 * 23, 5));
    }
}

TEST(Matmul, RowsBetweenLeadingDimensionStayUntouched) {
  MatmulArgs args = dense_matmul_args(4, 3, 2, false, false);
  args.ldc = 5;
  const auto a = random_values(8, 1), b = random_values(6, 2);
  std::vector<float> c(20, 7.f);
  args.a = a.data();
  args.b = b.data();
  args.c = c.data();
  cpu_backend().matmul.matmul({}, args);
  for (dim_t i = 0; i < 4; ++i) {
    EXPECT_EQ(c[i * 5 + 3], 7.f);
    EXPECT_EQ(c[i * 5 + 4], 7.f);
  }
}

TEST(Matmul, BatchesSmallAndLarge) {
  for (dim_t size : {5, 80}) {
    MatmulArgs args = dense_matmul_args(size, size + 1, size + 2, false, true, 7);
    expect_near_reference(args, random_values(7 * args.stride_a, 6), random_values(7 * args.stride_b, 7),
                          poisoned(7 * args.stride_c));
    args.stride_b = 0;  // one matrix for all
    expect_near_reference(args, random_values(7 * args.stride_a, 6), random_values(args.k * args.n, 7),
                          poisoned(7 * args.stride_c));
  }
}

TEST(Matmul, SameBitsWhenRepeated) {
  MatmulArgs args = dense_matmul_args(128, 10, 512, true, false);
  const auto a = random_values(128 * 512, 1), b = random_values(512 * 10, 2);
  auto first = poisoned(1280), second = poisoned(1280);
  args.a = a.data();
  args.b = b.data();
  args.c = first.data();
  cpu_backend().matmul.matmul({}, args);
  args.c = second.data();
  cpu_backend().matmul.matmul({}, args);
  EXPECT_EQ(first, second);
}

TEST(Matmul, RejectsShortLeadingDimensions) {
  MatmulArgs args = dense_matmul_args(4, 3, 2, false, false);
  args.lda = 1;
  EXPECT_ERROR(cpu_backend().matmul.matmul({}, args), UsageError, "leading dimensions");
}

TEST(Matmul, Cost) {
  const Cost cost = matmul_cost(dense_matmul_args(2, 3, 4, false, false, 5));
  EXPECT_EQ(cost.flops, 2 * 5 * 24);
  EXPECT_EQ(cost.bytes_read, 5 * (8 + 12) * 4);
  EXPECT_EQ(cost.bytes_written, 5 * 6 * 4);
}

}  // namespace
}  // namespace engram::kernels
