/// Fits of data that have no maximum, hardly have one, or hold patients that do not count: what is said of them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/common/error.h"
#include "models/survival/aft_model.h"
#include "models/survival/cox_fit.h"
#include "models/survival/lasso_cox.h"
#include "models/survival/logistic_model.h"
#include "models/survival/support.h"
#include "tests/support/expect_error.h"
#include "tests/support/random_survival.h"

namespace engram::survival {
namespace {

using ::engram::testing::random_survival;
using ::engram::testing::RandomSurvival;
using Column = std::vector<double>;

constexpr AftDistribution kLaws[] = {AftDistribution::kWeibull, AftDistribution::kLogNormal,
                                     AftDistribution::kLogLogistic};

Column normals(std::size_t rows, std::mt19937& rng) {
  std::normal_distribution<double> normal;
  Column x(rows);
  for (double& v : x) v = normal(rng);
  return x;
}

CovariateMatrix matrix_of(const std::vector<Column>& columns) {
  CovariateMatrix matrix(dim_t(columns[0].size()));
  for (std::size_t j = 0; j < columns.size(); ++j) matrix.add("x" + std::to_string(j), columns[j]);
  return matrix;
}

CoxFit cox(const SurvivalOutcome& outcome, const CovariateMatrix& covariates, const CoxOptions& options = {}) {
  const SurvivalDesign design(outcome, covariates);
  return fit_cox(CoxModel(design, options), design.all_columns());
}

AftFit aft(const SurvivalOutcome& outcome, const CovariateMatrix& covariates, AftDistribution law) {
  const SurvivalDesign design(outcome, covariates);
  return fit_aft(AftModel(design, {.distribution = law}), design.all_columns());
}

// ---- Values of an extreme size ----

TEST(SurvivalAwkward, FitsDoNotDependOnTheUnitOfAColumn) {
  std::mt19937 rng(5);
  const RandomSurvival data = random_survival({.rows = 60, .columns = 0, .seed = 5});
  const Column x = normals(60, rng);
  const CoxFit plain = cox(data.outcome, matrix_of({x}));
  for (const double unit : {1e90, 1e-90}) {
    Column scaled = x;
    for (double& v : scaled) v *= unit;
    const CoxFit fit = cox(data.outcome, matrix_of({scaled}));
    EXPECT_NEAR(fit.table[0].coefficient * unit, plain.table[0].coefficient, 1e-9);
    EXPECT_NEAR(fit.table[0].standard_error * unit, plain.table[0].standard_error, 1e-9);
    EXPECT_FALSE(fit.table[0].infinite);
    for (const AftDistribution law : kLaws)
      EXPECT_NEAR(aft(data.outcome, matrix_of({scaled}), law).standard_error[1] * unit,
                  aft(data.outcome, matrix_of({x}), law).standard_error[1], 1e-9);
  }
}

TEST(SurvivalAwkward, ValuesWhoseSquaresAreNoDoublesAreRefused) {
  std::mt19937 rng(5);
  const RandomSurvival data = random_survival({.rows = 60, .columns = 0, .seed = 5});
  const auto scaled = [&](double unit) {
    Column x = normals(60, rng);
    for (double& v : x) v *= unit;
    return matrix_of({x});
  };
  Column one_huge = normals(60, rng);
  one_huge[7] = -1e308;
  EXPECT_ERROR(cox(data.outcome, scaled(1e200)), DataError, "[survival] expected values of x0 up to 1e100, got ");
  EXPECT_ERROR(cox(data.outcome, scaled(1e-200)), DataError, "expected values of x0 that differ by 1e-100 or more");
  EXPECT_ERROR(cox(data.outcome, matrix_of({one_huge})), DataError, "got 1e+308; hint: take another unit");
  EXPECT_ERROR(aft(data.outcome, scaled(1e-200), AftDistribution::kWeibull), DataError, "that differ by 1e-100");
  // One small number among others is as good as 0.
  Column one_tiny = normals(60, rng), zero = one_tiny;
  one_tiny[7] = 1e-320;
  zero[7] = 0;
  EXPECT_EQ(cox(data.outcome, matrix_of({one_tiny})).table[0].coefficient,
            cox(data.outcome, matrix_of({zero})).table[0].coefficient);
}

// ---- Log times that the columns determine ----

TEST(SurvivalAwkward, TimesThatAColumnDeterminesHaveNoScale) {
  SurvivalOutcome outcome;
  Column treated, noise;
  std::mt19937 rng(3);
  for (int i = 0; i < 12; ++i) {
    treated.push_back(i % 2);
    noise.push_back(double(rng() % 100));
    outcome.time.push_back(i % 2 ? 8 : 5);
    outcome.event.push_back(1);
  }
  const CovariateMatrix covariates = matrix_of({treated, noise});
  for (AftDistribution law : kLaws) {
    SCOPED_TRACE(distribution_name(law));
    const AftFit fit = aft(outcome, covariates, law);
    EXPECT_TRUE(fit.scale_vanishes);
    EXPECT_TRUE(fit.infinite.back());
    EXPECT_FALSE(fit.status.converged);
    EXPECT_GT(fit.status.loglik, fit.loglik_intercept_only);
    EXPECT_EQ(fit.standard_error, Column(4, 0.));
    EXPECT_EQ(fit.log10_p, Column(4, 0.));
    EXPECT_NEAR(fit.estimate[1], std::log(8. / 5), 1e-6);
  }
}

TEST(SurvivalAwkward, NoParametricFitIsWorseThanItsNullWithoutAFlag) {
  // From as many columns as patients down to few: the first fits pass through all deaths.
  for (int columns : {1, 4, 9, 14, 19}) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
      RandomSurvival data = random_survival({.rows = 20, .columns = columns, .seed = seed, .censored = 0.2});
      for (AftDistribution law : kLaws) {
        SCOPED_TRACE(std::string(distribution_name(law)) + " " + std::to_string(columns) + " columns, seed " +
                     std::to_string(seed));
        const AftFit fit = aft(data.outcome, data.covariates, law);
        const bool flagged = !fit.status.converged || fit.scale_vanishes || fit.status.num_infinite > 0;
        EXPECT_TRUE(flagged || fit.status.loglik >= fit.loglik_intercept_only - 1e-6);
        for (const Column* values : {&fit.estimate, &fit.standard_error, &fit.z, &fit.log10_p}) {
          for (double v : *values) EXPECT_TRUE(std::isfinite(v));
        }
      }
    }
  }
}

// ---- Separation in a direction that no column shows alone ----

TEST(SurvivalAwkward, ADirectionOfManyColumnsThatOrdersTheDeathsFlagsThemAll) {
  std::mt19937 rng(5);
  std::vector<Column> x;
  for (int j = 0; j < 11; ++j) x.push_back(normals(30, rng));
  // Times fall with the sum of all columns.
  SurvivalOutcome outcome;
  for (std::size_t i = 0; i < 30; ++i) {
    double sum = 0;
    for (const Column& column : x) sum += column[i];
    outcome.time.push_back(std::exp(-0.3 * sum));
    outcome.event.push_back(i % 3 != 0);
  }
  const CoxFit fit = cox(outcome, matrix_of(x));
  EXPECT_GT(fit.status.loglik, -1e-3);  // its supremum is 0
  for (const CoefficientRow& row : fit.table) EXPECT_TRUE(row.infinite) << row.name;
  EXPECT_EQ(fit.status.num_infinite, 11);
}

TEST(SurvivalAwkward, MoreColumnsThanDeathsHaveNoFiniteCoefficient) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 rng(seed);
    std::vector<Column> x;
    for (int j = 0; j < 11; ++j) x.push_back(normals(12, rng));
    SurvivalOutcome outcome;
    for (int i = 0; i < 12; ++i) {
      outcome.time.push_back(i + 1);
      outcome.event.push_back(1);
    }
    const CoxFit fit = cox(outcome, matrix_of(x));
    for (const CoefficientRow& row : fit.table)
      EXPECT_TRUE(row.infinite || row.aliased) << row.name << ", seed " << seed;
  }
}

TEST(SurvivalAwkward, WhatMatteredBesideAnInfiniteCoefficientAloneHasNoEstimateEither) {
  // Deaths at 12 and 9 are carriers of x0, and the one at 21 is the last patient: x0 has no end, and once it is large
  // the carriers of x1 are no risk to anybody, whatever x1's coefficient.
  const std::vector<int> carriers0 = {1, 5, 6, 14, 16, 18, 20}, carriers1 = {0, 2, 3, 8, 13};
  SurvivalOutcome outcome;
  outcome.time = {19, 12, 10, 7, 8, 9, 1, 17, 20, 2, 13, 6, 18, 14, 16, 21, 5, 4, 3, 11, 15};
  Column x0(21, 0.), x1(21, 0.);
  for (const int i : carriers0) x0[std::size_t(i)] = 1;
  for (const int i : carriers1) x1[std::size_t(i)] = 1;
  for (int i = 0; i < 21; ++i) outcome.event.push_back(i == 1 || i == 5 || i == 15);
  const CoxFit fit = cox(outcome, matrix_of({x0, x1}));
  EXPECT_TRUE(fit.table[0].infinite);
  EXPECT_TRUE(fit.table[1].infinite) << fit.table[1].coefficient << " +- " << fit.table[1].standard_error;
  // What is known beside the infinite coefficients stays known.
  outcome.time = {16, 3, 8, 3, 6, 13, 7, 15};
  outcome.event = {1, 1, 0, 1, 0, 1, 0, 1};
  const CoxFit four = cox(
      outcome,
      matrix_of(
          {{0, 1, 1, 0, 0, 0, 0, 0}, {1, 0, 1, 1, 0, 1, 1, 1}, {0, 0, 1, 0, 1, 0, 0, 0}, {1, 1, 1, 1, 0, 1, 0, 0}}));
  for (const int j : {0, 1, 2}) EXPECT_TRUE(four.table[std::size_t(j)].infinite) << j;
  EXPECT_FALSE(four.table[3].infinite);
  EXPECT_NEAR(four.table[3].standard_error, 1.23564, 1e-5);
}

TEST(SurvivalAwkward, ResponsesSeparatedByADirectionFlagItsColumns) {
  std::mt19937 rng(8);
  std::vector<Column> x;
  for (int j = 0; j < 6; ++j) x.push_back(normals(60, rng));
  std::vector<std::uint8_t> response;
  for (std::size_t i = 0; i < 60; ++i) response.push_back(x[0][i] - x[1][i] + 0.7 * x[2][i] + x[3][i] > 0.2);
  const LogisticFit fit = fit_logistic(matrix_of(x), response);
  for (int j = 1; j <= 4; ++j) EXPECT_TRUE(fit.infinite[std::size_t(j)]) << j;
}

TEST(SurvivalAwkward, AnArmOfCensoredPatientsIsInfiniteInEveryLaw) {
  RandomSurvival data = random_survival({.rows = 60, .columns = 3, .seed = 4});
  Column arm(60);
  for (std::size_t i = 0; i < 60; i += 4) {
    arm[i] = 1;
    data.outcome.event[i] = 0;
  }
  data.covariates.add("arm", arm);
  for (AftDistribution law : kLaws) {
    const AftFit fit = aft(data.outcome, data.covariates, law);
    EXPECT_EQ(fit.infinite, (std::vector<std::uint8_t>{0, 0, 0, 0, 1, 0})) << distribution_name(law);
  }
  const CoxFit fit = cox(data.outcome, data.covariates);
  for (std::size_t j = 0; j < 4; ++j) EXPECT_EQ(fit.table[j].infinite, j == 3);
}

TEST(SurvivalAwkward, NearlyEqualColumnsHaveAFiniteMaximum) {
  RandomSurvival data = random_survival({.rows = 120, .columns = 3, .seed = 9});
  std::mt19937 rng(2);
  Column near(data.covariates.column(0).begin(), data.covariates.column(0).end());
  const Column noise = normals(120, rng);
  for (std::size_t i = 0; i < 120; ++i) near[i] += 1e-4 * noise[i];
  data.covariates.add("near", near);
  const CoxFit fit = cox(data.outcome, data.covariates, {.newton = exact_newton()});
  for (const CoefficientRow& row : fit.table) EXPECT_FALSE(row.infinite || row.aliased) << row.name;
  EXPECT_GT(fit.table[3].standard_error, 500);
}

// ---- Aliasing is decided once ----

/// Noise of these sizes beside a column of deviation 2 passes the pivot tolerance of 1e-12 somewhere.
std::vector<double> boundary_noise() {
  std::vector<double> sizes;
  for (double size = 1e-5; size > 4e-7; size /= 1.15) sizes.push_back(size);
  return sizes;
}

struct Estimates {
  Column coefficient, error;
};

/// Of columns 0, 1, 2 and a fourth that the first nearly equals: the dropped column leaves the fit of the others.
void expect_whole_fit(const Estimates& with, const std::vector<std::uint8_t>& aliased, const Estimates& without) {
  if (!aliased[3]) {
    EXPECT_GT(with.error[0], 1e3);
    EXPECT_GT(with.error[3], 1e3);
    return;
  }
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_NEAR(with.coefficient[j], without.coefficient[j], 1e-7 * (1 + std::abs(without.coefficient[j])));
    EXPECT_NEAR(with.error[j], without.error[j], 1e-7 * without.error[j]);
  }
  EXPECT_EQ(with.error[3], 0);
}

TEST(SurvivalAwkward, FitAndCovarianceHaveTheSameColumns) {
  const RandomSurvival data = random_survival({.rows = 120, .columns = 3, .seed = 9});
  std::mt19937 rng(2);
  const Column noise = normals(120, rng);
  std::vector<std::uint8_t> response;
  for (std::size_t i = 0; i < 120; ++i) response.push_back(data.covariates.column(0)[i] + 3 * noise[(i + 7) % 120] > 3);
  const CoxFit cox_without = cox(data.outcome, data.covariates);
  const AftFit aft_without = aft(data.outcome, data.covariates, AftDistribution::kLogLogistic);
  const LogisticFit logistic_without = fit_logistic(data.covariates, response);
  const auto inner = [](const Column& values, std::size_t begin, std::size_t count) {
    return Column(values.begin() + std::ptrdiff_t(begin), values.begin() + std::ptrdiff_t(begin + count));
  };
  int dropped = 0, kept = 0;
  for (double size : boundary_noise()) {
    SCOPED_TRACE(size);
    CovariateMatrix covariates = data.covariates;
    Column near(data.covariates.column(0).begin(), data.covariates.column(0).end());
    for (std::size_t i = 0; i < near.size(); ++i) near[i] += size * noise[i];
    covariates.add("near", near);
    const CoxFit c = cox(data.outcome, covariates);
    Estimates with, without;
    std::vector<std::uint8_t> aliased;
    for (const CoefficientRow& row : c.table) {
      with.coefficient.push_back(row.coefficient);
      with.error.push_back(row.standard_error);
      aliased.push_back(row.aliased);
    }
    for (const CoefficientRow& row : cox_without.table) {
      without.coefficient.push_back(row.coefficient);
      without.error.push_back(row.standard_error);
    }
    expect_whole_fit(with, aliased, without);
    (aliased[3] ? dropped : kept) += 1;
    const AftFit a = aft(data.outcome, covariates, AftDistribution::kLogLogistic);
    expect_whole_fit({inner(a.estimate, 1, 4), inner(a.standard_error, 1, 4)},
                     {a.aliased.begin() + 1, a.aliased.end() - 1},
                     {inner(aft_without.estimate, 1, 3), inner(aft_without.standard_error, 1, 3)});
    const LogisticFit l = fit_logistic(covariates, response);
    expect_whole_fit({inner(l.estimate, 1, 4), inner(l.standard_error, 1, 4)}, {l.aliased.begin() + 1, l.aliased.end()},
                     {inner(logistic_without.estimate, 1, 3), inner(logistic_without.standard_error, 1, 3)});
  }
  EXPECT_GT(dropped, 0);
  EXPECT_GT(kept, 0);
}

// ---- Patients of weight 0 ----

/// The data with some weights 0 (deaths among them, the last death, and an extreme covariate), and without those rows.
struct WithAndWithout {
  SurvivalOutcome with, without;
  CovariateMatrix with_columns, without_columns;
};

WithAndWithout zero_weights(const testing::RandomSurvivalOptions& options) {
  RandomSurvival data = random_survival(options);
  const auto last = std::max_element(data.outcome.time.begin(), data.outcome.time.end()) - data.outcome.time.begin();
  std::vector<dim_t> kept;
  data.outcome.event[std::size_t(last)] = 1;
  Column extreme(data.covariates.column(0).begin(), data.covariates.column(0).end());
  for (dim_t i = 0; i < data.outcome.rows(); ++i) {
    if (i == last || i % 5 == 1) {
      data.outcome.weight[std::size_t(i)] = 0;
      extreme[std::size_t(i)] = 1e7;
    } else {
      kept.push_back(i);
    }
  }
  CovariateMatrix columns(data.outcome.rows());
  columns.add("x0", extreme);
  for (dim_t j = 1; j < data.covariates.columns(); ++j) columns.add("x" + std::to_string(j), data.covariates.column(j));
  return {data.outcome, data.outcome.select(kept), columns, columns.select(kept)};
}

TEST(SurvivalAwkward, APatientOfWeightZeroIsAbsent) {
  for (int distinct_times : {0, 12}) {
    for (int strata : {1, 3}) {
      const WithAndWithout data = zero_weights(
          {.rows = 70, .columns = 3, .seed = 11, .distinct_times = distinct_times, .strata = strata, .weights = true});
      for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
        const CoxOptions options = {.ties = ties, .newton = exact_newton()};
        const SurvivalDesign design(data.with, data.with_columns);
        const CoxFit with = fit_cox(CoxModel(design, options), design.all_columns(), {.enabled = true});
        const SurvivalDesign smaller(data.without, data.without_columns);
        const CoxFit without = fit_cox(CoxModel(smaller, options), smaller.all_columns(), {.enabled = true});
        EXPECT_EQ(with.num_events, without.num_events);
        EXPECT_TRUE(with.status.converged);
        EXPECT_NEAR(with.status.loglik, without.status.loglik, 1e-9 * std::abs(without.status.loglik));
        for (std::size_t j = 0; j < 3; ++j) {
          EXPECT_NEAR(with.table[j].coefficient, without.table[j].coefficient, 1e-6);
          EXPECT_NEAR(with.table[j].standard_error, without.table[j].standard_error, 1e-6);
        }
      }
    }
  }
}

TEST(SurvivalAwkward, WeightZeroIsAbsentFromParametricModelsAndPaths) {
  const WithAndWithout data = zero_weights({.rows = 70, .columns = 3, .seed = 12, .weights = true});
  for (AftDistribution law : kLaws) {
    const AftFit with = aft(data.with, data.with_columns, law), without = aft(data.without, data.without_columns, law);
    EXPECT_NEAR(with.status.loglik, without.status.loglik, 1e-6 * std::abs(without.status.loglik));
    for (std::size_t j = 0; j < with.estimate.size(); ++j) {
      EXPECT_NEAR(with.estimate[j], without.estimate[j], 1e-3 * (1 + std::abs(without.estimate[j])));
      EXPECT_NEAR(with.standard_error[j], without.standard_error[j], 1e-3 * (1 + without.standard_error[j]));
    }
  }
  const SurvivalDesign design(data.with, data.with_columns);
  const LassoPath path = lasso_cox(design, design.all_columns(), {.num_lambda = 20});
  EXPECT_TRUE(path.converged);
  ASSERT_EQ(path.steps.size(), 20u);
  for (const LassoStep& step : path.steps) EXPECT_TRUE(std::isfinite(step.loglik));
  const SurvivalDesign smaller(data.without, data.without_columns);
  EXPECT_NEAR(path.loglik_null, lasso_cox(smaller, smaller.all_columns(), {.num_lambda = 2}).loglik_null, 1e-9);
}

TEST(SurvivalAwkward, TheLastDeathOfWeightZero) {
  SurvivalOutcome outcome{.time = {1, 2, 3, 4, 5, 6}, .event = {1, 1, 1, 1, 1, 1}, .weight = {1, 1, 1, 1, 1, 0}};
  const CovariateMatrix covariates = matrix_of({{0.3, 1.1, -0.4, 0.7, 0.1, -1.0}});
  const CoxFit fit = cox(outcome, covariates, {.newton = exact_newton()});
  EXPECT_NEAR(fit.table[0].coefficient, 0.498168493773817, 1e-10);
  EXPECT_NEAR(fit.table[0].standard_error, 1.09130654861502, 1e-10);
  EXPECT_NEAR(fit.status.loglik, -4.68084160659648, 1e-12);
}

// ---- How many patients a coefficient rests on ----

TEST(SurvivalAwkward, SupportCountsTheCarriers) {
  std::mt19937 rng(6);
  const std::size_t rows = 200;
  SurvivalOutcome outcome;
  Column treated(rows), rare(rows), common(rows), product(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    outcome.time.push_back(1 + double(rng() % 1000));
    outcome.event.push_back(1);
    treated[i] = double(i % 2);
    common[i] = double((i / 2) % 2);
    rare[i] = i == 3 || i == 10 || i == 20 || i == 30 || i == 40;  // one of the five is treated
    product[i] = rare[i] * treated[i];
  }
  const CoxFit fit = cox(outcome, matrix_of({treated, common, rare, product, treated}));
  EXPECT_GT(fit.table[0].support, 180);
  EXPECT_GT(fit.table[1].support, 180);
  EXPECT_NEAR(fit.table[2].support, 4, 0.5);  // the untreated carriers
  EXPECT_LT(fit.table[3].support, kFewPatients);
  EXPECT_EQ(fit.table[4].support, 0);  // aliased
  const CoxFit alone = cox(outcome, matrix_of({rare}));
  EXPECT_NEAR(alone.table[0].support, 5, 0.3);
  const AftFit times = aft(outcome, matrix_of({treated, rare, product}), AftDistribution::kLogNormal);
  EXPECT_LT(times.support[2], kFewPatients);
}

}  // namespace
}  // namespace engram::survival
