/// Eigenvalues of symmetric matrices and congruences against their references.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram::kernels {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

std::vector<double> random_doubles(dim_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& v : values) v = normal(rng);
  return values;
}

/// Symmetric, of at most the given rank; the upper triangle is poisoned.
std::vector<double> random_symmetric(dim_t n, dim_t rank, unsigned seed) {
  const std::vector<double> root = random_doubles(n * rank, seed);
  std::vector<double> a(std::size_t(n * n), kNoNumber);
  for (dim_t i = 0; i < n; ++i)
    for (dim_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (dim_t k = 0; k < rank; ++k) sum += root[std::size_t(i * rank + k)] * root[std::size_t(j * rank + k)];
      a[std::size_t(i * n + j)] = sum;
    }
  return a;
}

TEST(SymmetricEigen, MatchesJacobiAtOddExtentsAndRanks) {
  for (const auto& [n, rank] : std::vector<std::pair<dim_t, dim_t>>{{0, 0}, {1, 1}, {2, 1}, {17, 17}, {33, 5}}) {
    const std::vector<double> a = random_symmetric(n, rank, 3);
    std::vector<double> values(std::size_t(n), kNoNumber), expected = values, vectors(std::size_t(n * n), kNoNumber);
    kCpuSymmetricEigen.eigen({}, {a.data(), n, values.data(), vectors.data()});
    reference::symmetric_eigen({a.data(), n, expected.data(), nullptr});
    for (dim_t i = 0; i < n; ++i) EXPECT_NEAR(values[std::size_t(i)], expected[std::size_t(i)], 1e-11 * double(n));
    for (dim_t i = 0; i < n; ++i)
      for (dim_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (dim_t k = 0; k < n; ++k)
          sum += values[std::size_t(k)] * vectors[std::size_t(i * n + k)] * vectors[std::size_t(j * n + k)];
        EXPECT_NEAR(sum, a[std::size_t(i * n + j)], 1e-11 * double(n)) << n << " " << i << " " << j;
      }
    std::vector<double> alone(std::size_t(n), kNoNumber);
    kCpuSymmetricEigen.eigen({}, {a.data(), n, alone.data(), nullptr});
    for (dim_t i = 0; i < n; ++i) EXPECT_NEAR(alone[std::size_t(i)], values[std::size_t(i)], 1e-11 * double(n));
  }
}

TEST(SymmetricEigen, RefusesWhatIsNotFinite) {
  const std::vector<double> a = {1, 0, kNoNumber, 1};
  std::vector<double> values(2);
  EXPECT_THROW(kCpuSymmetricEigen.eigen({}, {a.data(), 2, values.data(), nullptr}), DataError);
}

TEST(SymmetricEigen, CongruenceMatchesReference) {
  for (const auto& [n, m] : std::vector<std::pair<dim_t, dim_t>>{{1, 1}, {7, 3}, {5, 9}, {19, 19}}) {
    std::vector<double> a = random_symmetric(n, n, 4);
    for (dim_t i = 0; i < n; ++i)
      for (dim_t j = 0; j < i; ++j) a[std::size_t(j * n + i)] = a[std::size_t(i * n + j)];
    const std::vector<double> b = random_doubles(n * m, 5);
    std::vector<double> got(std::size_t(m * m), kNoNumber), expected = got;
    kCpuSymmetricEigen.congruence({}, {a.data(), b.data(), n, m, got.data()});
    reference::congruence({a.data(), b.data(), n, m, expected.data()});
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-10 * (1 + std::abs(expected[i])));
  }
}

}  // namespace
}  // namespace engram::kernels
