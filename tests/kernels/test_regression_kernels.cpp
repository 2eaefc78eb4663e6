/// Weighted Gram matrices, Cholesky with dropped columns, likelihoods by row, coordinate descent: against their
/// references.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kernels/aft_likelihood/aft_likelihood.h"
#include "kernels/common/error.h"
#include "kernels/coordinate_descent/coordinate_descent.h"
#include "kernels/dense_solve/dense_solve.h"
#include "kernels/logistic_likelihood/logistic_likelihood.h"
#include "kernels/weighted_gram/gram_tile.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::kernels {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

std::vector<double> normal_values(dim_t count, unsigned seed, double scale = 1) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(0, scale);
  std::vector<double> values(static_cast<std::size_t>(count));
  for (double& v : values) v = normal(rng);
  return values;
}

std::vector<double> poisoned_doubles(dim_t count) {
  return std::vector<double>(static_cast<std::size_t>(count), kUndefined);
}

void expect_near(const std::vector<double>& got, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << i;
  }
}

// A machine uses one of the two kinds of tile; results must not depend on which.
TEST(WeightedGram, NarrowAndWideTilesGiveTheSameBits) {
  constexpr dim_t kRows = 37, kStride = 24;
  const std::vector<double> panel = normal_values(kRows * kStride, 3), weight = normal_values(kRows, 4);
  for (const bool accumulate : {false, true}) {
    std::vector<double> wide = normal_values(kStride * kStride, 5), narrow = wide;
    gram_tile<2>(panel.data(), kRows, kStride, weight.data(), 8, 8, wide.data(), accumulate);
    gram_tile<1>(panel.data(), kRows, kStride, weight.data(), 0, 0, wide.data(), accumulate);
    for (const dim_t row : {8, 12})
      for (const dim_t column : {8, 16})
        narrow_gram_tile(panel.data(), kRows, kStride, weight.data(), row, column, narrow.data(), accumulate);
    for (const dim_t row : {0, 4})
      narrow_gram_tile(panel.data(), kRows, kStride, weight.data(), row, 0, narrow.data(), accumulate);
    EXPECT_EQ(narrow, wide);
  }
}

TEST(WeightedGram, MatchesReferenceAtOddExtents) {
  for (dim_t rows : {0, 1, 7, 130, 1031}) {
    for (dim_t columns : {1, 8, 9, 17, 40, 70}) {
      SCOPED_TRACE(message(rows, " x ", columns));
      const dim_t stride = panel_stride(columns);
      const std::vector<double> columns_data = normal_values(rows * columns, 1);
      std::vector<const double*> sources;
      for (dim_t j = 0; j < columns; ++j) sources.push_back(j == 3 ? nullptr : columns_data.data() + j * rows);
      auto panel = poisoned_doubles(rows * stride);
      kCpuWeightedGram.pack_columns({}, {sources.data(), columns, rows, stride, panel.data()});
      for (dim_t i = 0; i < rows; ++i)
        for (dim_t j = 0; j < stride; ++j)
          ASSERT_EQ(panel[i * stride + j], j >= columns ? 0 : j == 3 ? 1 : columns_data[j * rows + i]);

      const auto weight = normal_values(rows, 2), offset = normal_values(rows, 3), beta = normal_values(stride, 4);
      auto got = poisoned_doubles(rows), expected = got;
      for (const double* o : {offset.data(), static_cast<const double*>(nullptr)}) {
        kCpuWeightedGram.linear_predictor({}, {panel.data(), rows, stride, beta.data(), o, got.data()});
        reference::linear_predictor({panel.data(), rows, stride, beta.data(), o, expected.data()});
        expect_near(got, expected, 1e-13 * double(stride));
      }
      got = expected = poisoned_doubles(stride);
      kCpuWeightedGram.transpose_product({}, {panel.data(), rows, stride, weight.data(), got.data()});
      reference::transpose_product({panel.data(), rows, stride, weight.data(), expected.data()});
      expect_near(got, expected, 1e-13 * double(rows + 1));

      got = expected = poisoned_doubles(stride * stride);
      for (bool accumulate : {false, true}) {
        WeightedGramArgs args{panel.data(), rows, stride, weight.data(), got.data(), accumulate, true};
        kCpuWeightedGram.gram({}, args);
        args.out = expected.data();
        reference::weighted_gram(args);
        expect_near(got, expected, 1e-13 * double(rows + 1));
      }
    }
  }
}

/// X'X of columns of which some are combinations of others.
struct DependentMatrix {
  dim_t n, stride;
  std::vector<double> a, magnitude;

  DependentMatrix(dim_t size, const std::vector<dim_t>& dependent, unsigned seed)
      : n(size), stride(panel_stride(size)) {
    const dim_t rows = 3 * n + 5;
    auto x = normal_values(rows * n, seed);
    for (dim_t j : dependent)
      for (dim_t i = 0; i < rows; ++i)
        x[i * n + j] = j == 0 ? 0 : j == 1 ? 2 * x[i * n] : x[i * n + j - 1] - x[i * n + j - 2];
    a.assign(std::size_t(n * stride), 0.);
    for (dim_t p = 0; p < n; ++p)
      for (dim_t q = 0; q < n; ++q)
        for (dim_t i = 0; i < rows; ++i) a[p * stride + q] += x[i * n + p] * x[i * n + q];
    for (dim_t j = 0; j < n; ++j) magnitude.push_back(a[j * stride + j]);
  }
};

TEST(DenseSolve, DropsDependentColumnsAndSolvesTheOthers) {
  for (dim_t n : {1, 2, 5, 24, 61, 150}) {
    for (const std::vector<dim_t>& dependent : std::vector<std::vector<dim_t>>{{}, {n - 1}, {0}, {2, n / 2, n - 1}}) {
      if (n < 6 && dependent.size() > 1) continue;
      SCOPED_TRACE(message("n ", n, ", ", dependent.size(), " dependent"));
      const DependentMatrix m(n, dependent, unsigned(n));
      auto factor = poisoned_doubles(n * m.stride), expected = factor;
      std::vector<std::uint8_t> aliased(n, 0), expected_aliased(n, 0);
      dim_t num_aliased = -1;
      kCpuDenseSolve.cholesky(
          {}, {m.a.data(), n, m.stride, m.magnitude.data(), 1e-11, factor.data(), aliased.data(), &num_aliased});
      reference::cholesky(
          {m.a.data(), n, m.stride, m.magnitude.data(), 1e-11, expected.data(), expected_aliased.data(), nullptr});
      EXPECT_EQ(aliased, expected_aliased);
      EXPECT_EQ(num_aliased, dim_t(dependent.size()));
      for (dim_t i = 0; i < n; ++i)
        for (dim_t j = 0; j < n; ++j)
          ASSERT_NEAR(factor[i * m.stride + j], j > i ? 0 : expected[i * m.stride + j],
                      1e-9 * std::sqrt(m.magnitude[i] + 1));

      const auto b = normal_values(n, 9);
      auto x = poisoned_doubles(n), inverse = poisoned_doubles(n * m.stride);
      kCpuDenseSolve.solve({}, {factor.data(), n, m.stride, aliased.data(), b.data(), x.data()});
      kCpuDenseSolve.inverse({}, {factor.data(), n, m.stride, aliased.data(), inverse.data()});
      for (dim_t i = 0; i < n; ++i) {
        if (aliased[i]) {
          EXPECT_EQ(x[i], 0);
          EXPECT_EQ(inverse[i * m.stride + i], 0);
          continue;
        }
        double product = 0, by_inverse = 0;
        for (dim_t j = 0; j < n; ++j) {
          product += m.a[i * m.stride + j] * x[j];
          if (!aliased[j]) by_inverse += inverse[i * m.stride + j] * b[j];
        }
        EXPECT_NEAR(product, b[i], 1e-9);
        EXPECT_NEAR(by_inverse, x[i], 1e-9);
      }
    }
  }
}

TEST(DenseSolve, ColumnsDroppedBeforehandStayOut) {
  const DependentMatrix m(6, {}, 3);
  auto factor = poisoned_doubles(6 * m.stride);
  std::vector<std::uint8_t> aliased = {0, 1, 0, 0, 1, 0};
  dim_t num_aliased = 0;
  kCpuDenseSolve.cholesky(
      {}, {m.a.data(), 6, m.stride, m.magnitude.data(), 1e-12, factor.data(), aliased.data(), &num_aliased});
  EXPECT_EQ(num_aliased, 2);
  EXPECT_EQ(factor[1 * m.stride + 1], 1);
  EXPECT_EQ(factor[2 * m.stride + 1], 0);
}

TEST(DenseSolve, NotANumberIsDropped) {
  const std::vector<double> a = {4, 0, 0, 0, 0, 0, 0, 0, kUndefined, kUndefined, 0, 0, 0, 0, 0, 0};
  const std::vector<double> magnitude = {4, 1};
  auto factor = poisoned_doubles(16);
  std::vector<std::uint8_t> aliased(2, 0);
  kCpuDenseSolve.cholesky({}, {a.data(), 2, 8, magnitude.data(), 1e-12, factor.data(), aliased.data(), nullptr});
  EXPECT_EQ(aliased, (std::vector<std::uint8_t>{0, 1}));
}

std::vector<std::uint8_t> random_bits(dim_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(count));
  for (auto& b : bits) b = rng() % 3 != 0;
  return bits;
}

TEST(AftLikelihood, MatchesReference) {
  for (AftDistribution law : {AftDistribution::kWeibull, AftDistribution::kLogNormal, AftDistribution::kLogLogistic}) {
    for (dim_t rows : {1, 8, 77}) {
      for (double log_sigma : {-2., 0.3}) {
        SCOPED_TRACE(message("law ", int(law), ", rows ", rows, ", log sigma ", log_sigma));
        // The extreme-value law grows as exp z.
        const double spread = law == AftDistribution::kWeibull ? 0.5 : 4;
        const auto eta = normal_values(rows, 1, spread), log_time = normal_values(rows, 2, spread);
        auto weight = normal_values(rows, 3);
        for (double& w : weight) w = std::abs(w);
        const auto event = random_bits(rows, 4);
        auto gradient = poisoned_doubles(rows), curvature = gradient, mixed = gradient, totals = poisoned_doubles(4);
        auto gradient2 = gradient, curvature2 = gradient, mixed2 = gradient, totals2 = totals, alone = totals;
        AftLikelihoodArgs args{law,           rows,      eta.data(),      log_time.data(),  event.data(),
                               weight.data(), log_sigma, gradient.data(), curvature.data(), mixed.data(),
                               totals.data()};
        kCpuAftLikelihood.likelihood({}, args);
        AftLikelihoodArgs value = args;
        value.gradient = value.curvature = value.mixed = nullptr;
        value.totals = alone.data();
        kCpuAftLikelihood.likelihood({}, value);
        EXPECT_EQ(alone, totals);
        reference::aft_likelihood({law, rows, eta.data(), log_time.data(), event.data(), weight.data(), log_sigma,
                                   gradient2.data(), curvature2.data(), mixed2.data(), totals2.data()});
        expect_near(gradient, gradient2, 1e-12);
        expect_near(curvature, curvature2, 1e-12);
        expect_near(mixed, mixed2, 1e-12);
        expect_near(totals, totals2, 1e-12);
      }
    }
  }
}

TEST(AftLikelihood, DerivativesAreThoseOfTheValue) {
  for (AftDistribution law : {AftDistribution::kWeibull, AftDistribution::kLogNormal, AftDistribution::kLogLogistic}) {
    for (std::uint8_t event : {0, 1}) {
      for (double eta : {-3., -0.4, 0.7, 2.}) {
        SCOPED_TRACE(message("law ", int(law), ", event ", int(event), ", eta ", eta));
        const double log_time = 0.5, weight = 1.5, log_sigma = -0.3, h = 1e-5;
        const auto at = [&](double e, double s, double* out) {
          double g, c, m, t[4];
          kCpuAftLikelihood.likelihood({}, {law, 1, &e, &log_time, &event, &weight, s, &g, &c, &m, t});
          if (out) out[0] = g, out[1] = c, out[2] = m, out[3] = t[1], out[4] = t[2];
          return t[0];
        };
        double d[5], up[5], down[5], wider[5], narrower[5];
        at(eta, log_sigma, d);
        const double value_up = at(eta + h, log_sigma, up), value_down = at(eta - h, log_sigma, down);
        EXPECT_NEAR(d[0], (value_up - value_down) / (2 * h), 1e-6 * (1 + std::abs(d[0])));
        EXPECT_NEAR(d[1], -(up[0] - down[0]) / (2 * h), 1e-6 * (1 + d[1]));
        const double value_wide = at(eta, log_sigma + h, wider), value_narrow = at(eta, log_sigma - h, narrower);
        EXPECT_NEAR(d[3], (value_wide - value_narrow) / (2 * h), 1e-6 * (1 + std::abs(d[3])));
        EXPECT_NEAR(d[2], -(wider[0] - narrower[0]) / (2 * h), 1e-6 * (1 + std::abs(d[2])));
        EXPECT_NEAR(d[4], -(wider[3] - narrower[3]) / (2 * h), 1e-6 * (1 + std::abs(d[4])));
      }
    }
  }
}

TEST(AftLikelihood, NormalTailStaysFinite) {
  const double log_time = 40, weight = 1;
  const std::uint8_t event = 0;
  for (double eta : {36., 34.9, 20., 0.}) {
    double g, c, m, t[4];
    kCpuAftLikelihood.likelihood({},
                                 {AftDistribution::kLogNormal, 1, &eta, &log_time, &event, &weight, 0, &g, &c, &m, t});
    const double z = log_time - eta;
    EXPECT_NEAR(t[0], -z * z / 2 - std::log(z * std::sqrt(2 * 3.14159265358979)) - 1 / (z * z), 4 / (z * z * z * z));
    EXPECT_GT(g, z);
    EXPECT_GT(c, 0);
    EXPECT_LT(c, 1);
  }
}

TEST(LogisticLikelihood, MatchesReference) {
  for (dim_t rows : {1, 8, 77}) {
    for (double spread : {1., 30., 400.}) {
      const auto eta = normal_values(rows, 1, spread);
      auto weight = normal_values(rows, 3);
      for (double& w : weight) w = std::abs(w);
      const auto response = random_bits(rows, 4);
      auto p = poisoned_doubles(rows), g = p, c = p, p2 = p, g2 = p, c2 = p;
      double loglik = kUndefined, loglik2 = kUndefined;
      kCpuLogisticLikelihood.likelihood(
          {}, {rows, eta.data(), response.data(), weight.data(), p.data(), g.data(), c.data(), &loglik});
      reference::logistic_likelihood(
          {rows, eta.data(), response.data(), weight.data(), p2.data(), g2.data(), c2.data(), &loglik2});
      expect_near(p, p2, 1e-14);
      expect_near(g, g2, 1e-14);
      expect_near(c, c2, 1e-14);
      EXPECT_NEAR(loglik, loglik2, 1e-13 * (1 + std::abs(loglik2)));
    }
  }
}

TEST(CoordinateDescent, PassAndSumsMatchReference) {
  for (dim_t rows : {1, 9, 33, 130}) {
    const dim_t p = 12;
    const auto x = normal_values(rows * p, 1), residual = normal_values(rows, 2), eta = normal_values(rows, 3);
    auto weight = normal_values(rows, 4);
    for (double& w : weight) w = std::abs(w);
    std::vector<const double*> columns;
    for (dim_t j = 0; j < p; ++j) columns.push_back(x.data() + j * rows);
    const std::vector<std::int32_t> active = {0, 3, 4, 7, 11};
    std::vector<double> h(p, kUndefined), h2(p, kUndefined), l1(p, 0.4), l2(p, 0.1), beta(p, 0.2);
    kCpuCoordinateDescent.column_sums({}, {columns.data(), rows, active.data(), 5, weight.data(), true, h.data()});
    reference::column_sums({columns.data(), rows, active.data(), 5, weight.data(), true, h2.data()});
    for (std::int32_t j : active) ASSERT_NEAR(h[j], h2[j], 1e-12 * (1 + h2[j]));
    EXPECT_TRUE(std::isnan(h[1])) << "columns that are not active are left alone";
    h[4] = 0;  // a column without variation stays where it is
    auto r1 = residual, r2 = residual, e1 = eta, e2 = eta, b1 = beta, b2 = beta;
    double largest = kUndefined, largest2 = kUndefined;
    kCpuCoordinateDescent.pass({}, {columns.data(), rows, active.data(), 5, weight.data(), h.data(), l1.data(),
                                    l2.data(), r1.data(), e1.data(), b1.data(), &largest});
    reference::coordinate_pass({columns.data(), rows, active.data(), 5, weight.data(), h.data(), l1.data(), l2.data(),
                                r2.data(), e2.data(), b2.data(), &largest2});
    expect_near(r1, r2, 1e-12);
    expect_near(e1, e2, 1e-12);
    expect_near(b1, b2, 1e-12);
    EXPECT_NEAR(largest, largest2, 1e-12 * (1 + largest2));
    EXPECT_EQ(b1[4], 0.2);
    EXPECT_EQ(b1[1], 0.2);
    std::vector<double> all(p, kUndefined), all2(p, kUndefined);
    kCpuCoordinateDescent.column_sums({}, {columns.data(), rows, nullptr, p, weight.data(), false, all.data()});
    reference::column_sums({columns.data(), rows, nullptr, p, weight.data(), false, all2.data()});
    expect_near(all, all2, 1e-12);
  }
}

TEST(RegressionKernels, Costs) {
  EXPECT_EQ(weighted_gram_cost(100, 10).flops, 100 * 10 * 12);
  EXPECT_EQ(panel_product_cost(100, 10).flops, 2000);
  EXPECT_EQ(pack_columns_cost(100, 10).bytes_written, 100 * 16 * 8);
  EXPECT_EQ(cholesky_cost(30).flops, 9000);
  EXPECT_EQ(cholesky_solve_cost(30).flops, 1800);
  EXPECT_EQ(aft_likelihood_cost(10).bytes_read, 250);
  EXPECT_EQ(logistic_likelihood_cost(10).bytes_written, 240);
  EXPECT_EQ(coordinate_pass_cost(100, 7).flops, 1400);
  EXPECT_EQ(column_sums_cost(100, 7, true).flops, 2100);
}

}  // namespace
}  // namespace engram::kernels
