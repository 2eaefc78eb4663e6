/// Matrix products against the double-precision reference.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/backend.h"

namespace engram::kernels {
namespace {

TEST(Matmul, EveryTransposeAtOddExtentsWithBatches) {
  std::mt19937 rng(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (dim_t m : {1, 5, 33})
    for (dim_t k : {1, 7, 65})
      for (bool ta : {false, true})
        for (bool tb : {false, true}) {
          const dim_t n = 17, batch = 3;
          std::vector<float> a(batch * m * k), b(batch * k * n);
          std::vector<float> c(batch * m * n, std::numeric_limits<float>::quiet_NaN());
          for (float& v : a) v = uniform(rng);
          for (float& v : b) v = uniform(rng);
          const MatmulArgs args{.m = m,
                                .n = n,
                                .k = k,
                                .a = a.data(),
                                .b = b.data(),
                                .c = c.data(),
                                .transpose_a = ta,
                                .transpose_b = tb,
                                .lda = ta ? m : k,
                                .ldb = tb ? k : n,
                                .ldc = n,
                                .alpha = 0.5f,
                                .beta = 0,
                                .batch = batch,
                                .stride_a = m * k,
                                .stride_b = k * n,
                                .stride_c = m * n};
          cpu_backend().matmul.matmul({}, args);
          std::vector<double> wide_a(a.begin(), a.end()), wide_b(b.begin(), b.end()), expected(c.size());
          reference::matmul(args, wide_a.data(), wide_b.data(), expected.data());
          for (std::size_t i = 0; i < c.size(); ++i)
            ASSERT_NEAR(c[i], expected[i], 2e-6 * double(k)) << m << " " << k << " " << i;
        }
}

TEST(Matmul, BetaAccumulates) {
  const std::vector<float> a = {1, 2}, b = {3, 4};
  std::vector<float> c = {100};
  cpu_backend().matmul.matmul(
      {},
      {.m = 1, .n = 1, .k = 2, .a = a.data(), .b = b.data(), .c = c.data(), .lda = 2, .ldb = 1, .ldc = 1, .beta = 1});
  EXPECT_EQ(c[0], 111);
}

}  // namespace
}  // namespace engram::kernels
