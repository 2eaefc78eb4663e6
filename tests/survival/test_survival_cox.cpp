/// Cox regression without R: edge cases, invariances, finite differences, separation, bad input, threads.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "kernels/common/error.h"
#include "models/survival/cox_fit.h"
#include "models/survival/cox_residuals.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/random_survival.h"
#include "tests/support/survival_cases.h"

namespace engram::survival {
namespace {

using ::engram::testing::at_thread_counts;
using ::engram::testing::load_survival_case;
using ::engram::testing::random_survival;
using ::engram::testing::RandomSurvival;
using ::engram::testing::read_golden;
using ::engram::testing::survival_arrangements;
using nlohmann::json;

CoxOptions exact(CoxTies ties) {
  return {.ties = ties, .newton = exact_newton()};
}

CoxFit fit_all(const SurvivalOutcome& outcome, const CovariateMatrix& covariates, const CoxOptions& options,
               const RobustOptions& robust = {}) {
  const SurvivalDesign design(outcome, covariates);
  return fit_cox(CoxModel(design, options), design.all_columns(), robust);
}

void expect_same_fit(const CoxFit& a, const CoxFit& b, double tolerance = 1e-9) {
  ASSERT_EQ(a.table.size(), b.table.size());
  for (std::size_t j = 0; j < a.table.size(); ++j) {
    EXPECT_NEAR(a.table[j].coefficient, b.table[j].coefficient, tolerance * (1 + std::abs(b.table[j].coefficient)));
    EXPECT_NEAR(a.table[j].standard_error, b.table[j].standard_error, tolerance * (1 + b.table[j].standard_error));
  }
  EXPECT_NEAR(a.status.loglik, b.status.loglik, tolerance * std::abs(b.status.loglik));
  EXPECT_NEAR(a.score.statistic, b.score.statistic, 1e-8 * (1 + b.score.statistic));
}

/// No table may hold a NaN or an infinity.
void expect_finite(const CoxFit& fit) {
  for (const CoefficientRow& row : fit.table) {
    for (double v : {row.coefficient, row.standard_error, row.z, row.log10_p})
      EXPECT_TRUE(std::isfinite(v)) << row.name;
  }
  for (const ChiSquareTest* test : {&fit.wald, &fit.score, &fit.likelihood_ratio}) {
    EXPECT_TRUE(std::isfinite(test->statistic));
    EXPECT_TRUE(std::isfinite(test->log10_p));
  }
  EXPECT_TRUE(std::isfinite(fit.status.loglik));
  for (double v : fit.covariance) EXPECT_TRUE(std::isfinite(v));
}

TEST(SurvivalCox, EdgeCasesOfR) {
  for (const json& golden : read_golden("edge_cases.json")) {
    const std::string name = golden["case"];
    SurvivalOutcome outcome;
    std::vector<double> x;
    for (const json& row : golden["data"]) {
      outcome.time.push_back(row["time"]);
      outcome.event.push_back(std::uint8_t(row["status"].get<int>()));
      x.push_back(row["x"]);
    }
    CovariateMatrix covariates(outcome.rows());
    covariates.add("x", x);
    for (bool oracle : {false, true}) {
      SCOPED_TRACE(name + " " + golden["ties"].get<std::string>() + (oracle ? " exact" : " default"));
      CoxOptions options{.ties = golden["ties"] == "efron" ? CoxTies::kEfron : CoxTies::kBreslow};
      if (oracle) options.newton = exact_newton();
      const CoxFit fit = fit_all(outcome, covariates, options, {.enabled = true});
      expect_finite(fit);
      const double loglik = golden["loglik"].size() > 1 ? golden["loglik"][1].get<double>() : 0;
      EXPECT_NEAR(fit.loglik_null, golden["loglik"][0].get<double>(), 1e-8 * std::abs(loglik));
      EXPECT_NEAR(fit.status.loglik, loglik, 1e-8 * std::abs(loglik));
      EXPECT_TRUE(fit.status.converged);
      EXPECT_EQ(fit.table[0].aliased, golden["coef"].is_null());
      EXPECT_EQ(fit.table[0].infinite, name == "separation");
      if (golden["coef"].is_null()) {
        EXPECT_EQ(fit.table[0].coefficient, 0);
        EXPECT_EQ(fit.table[0].standard_error, 0);
        EXPECT_EQ(fit.wald.df, 0);
      } else if (name != "separation") {
        EXPECT_NEAR(fit.table[0].coefficient, golden["coef"].get<double>(), oracle ? 1e-9 : 1e-5);
        EXPECT_NEAR(std::sqrt(fit.covariance[0]), golden["se"].get<double>(), oracle ? 1e-7 : 1e-5);
      }
    }
  }
}

TEST(SurvivalCox, DerivativesAreThoseOfTheLikelihood) {
  for (const auto& options : survival_arrangements()) {
    SCOPED_TRACE(options.seed);
    const RandomSurvival data = random_survival(options);
    const SurvivalDesign design(data.outcome, data.covariates);
    const std::vector<dim_t> columns = design.all_columns();
    const std::size_t k = columns.size();
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      const CoxModel model(design, exact(ties));
      CoxScratch scratch;
      std::vector<double> beta(k), score(k), information(k * k), up(k), down(k);
      for (std::size_t j = 0; j < k; ++j) beta[j] = 0.1 - 0.03 * double(j);
      model.derivatives(columns, beta, score, information, scratch);
      for (std::size_t j = 0; j < k; ++j) {
        const double h = 1e-5 / design.scale(columns[j]);
        auto above = beta, below = beta;
        above[j] += h;
        below[j] -= h;
        const double value_up = model.derivatives(columns, above, up, {}, scratch);
        const double value_down = model.derivatives(columns, below, down, {}, scratch);
        const double scale = 1 + std::abs(score[j]);
        EXPECT_NEAR(score[j], (value_up - value_down) / (2 * h), 1e-6 * scale * 10);
        for (std::size_t i = 0; i < k; ++i) {
          EXPECT_NEAR(information[j * k + i], -(up[i] - down[i]) / (2 * h),
                      1e-6 * (1 + std::abs(information[j * k + j]) + std::abs(information[i * k + i])));
        }
      }
    }
  }
}

TEST(SurvivalCox, RowOrderTimeScaleAndShiftsDoNotMatter) {
  for (auto options : survival_arrangements()) {
    if (options.columns > 9) continue;
    options.rows *= 2;
    SCOPED_TRACE(options.seed);
    const RandomSurvival data = random_survival(options);
    const dim_t n = data.outcome.rows();
    std::vector<dim_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), dim_t(0));
    std::shuffle(order.begin(), order.end(), std::mt19937(9));
    SurvivalOutcome stretched = data.outcome;
    for (auto* times : {&stretched.time, &stretched.entry})
      for (double& t : *times) t = 8 * t - 1000;  // exact, and negative
    CovariateMatrix shifted(n);
    for (dim_t j = 0; j < data.covariates.columns(); ++j) {
      std::vector<double> x(data.covariates.column(j).begin(), data.covariates.column(j).end());
      for (double& v : x) v += 1000;
      shifted.add("s", x);
    }
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      const CoxFit fit = fit_all(data.outcome, data.covariates, exact(ties));
      expect_same_fit(fit_all(data.outcome.select(order), data.covariates.select(order), exact(ties)), fit);
      expect_same_fit(fit_all(stretched, data.covariates, exact(ties)), fit);
      expect_same_fit(fit_all(data.outcome, shifted, exact(ties)), fit, 1e-8);
      SurvivalOutcome one_stratum = data.outcome;
      if (one_stratum.stratum.empty()) {
        one_stratum.stratum.assign(std::size_t(n), 7);
        expect_same_fit(fit_all(one_stratum, data.covariates, exact(ties)), fit);
      }
    }
  }
}

TEST(SurvivalCox, EfronAndBreslowAgreeWithoutTies) {
  const RandomSurvival data = random_survival({.rows = 80, .columns = 4, .weights = true, .entry = true});
  expect_same_fit(fit_all(data.outcome, data.covariates, exact(CoxTies::kEfron)),
                  fit_all(data.outcome, data.covariates, exact(CoxTies::kBreslow)), 1e-12);
}

TEST(SurvivalCox, WeightTwoIsTwoPatientsUnderBreslow) {
  RandomSurvival data = random_survival({.rows = 60, .columns = 3, .seed = 4, .distinct_times = 12, .strata = 2});
  std::vector<dim_t> doubled;
  for (dim_t i = 0; i < 60; ++i) {
    data.outcome.weight.push_back(i % 3 == 0 ? 2 : 1);
    doubled.push_back(i);
    if (i % 3 == 0) doubled.push_back(i);
  }
  SurvivalOutcome repeated = data.outcome.select(doubled);
  repeated.weight.clear();
  const CoxFit a = fit_all(data.outcome, data.covariates, exact(CoxTies::kBreslow));
  expect_same_fit(a, fit_all(repeated, data.covariates.select(doubled), exact(CoxTies::kBreslow)));
}

TEST(SurvivalCox, ColumnAsOffsetIsItsCoefficientFixed) {
  const RandomSurvival data = random_survival({.rows = 90, .columns = 3, .seed = 12, .distinct_times = 30});
  const CoxFit full = fit_all(data.outcome, data.covariates, exact(CoxTies::kEfron));
  SurvivalOutcome outcome = data.outcome;
  CovariateMatrix rest(90);
  for (dim_t j = 0; j < 2; ++j) rest.add("x", data.covariates.column(j));
  for (dim_t i = 0; i < 90; ++i) outcome.offset.push_back(full.table[2].coefficient * data.covariates.column(2)[i]);
  const CoxFit part = fit_all(outcome, rest, exact(CoxTies::kEfron));
  for (int j = 0; j < 2; ++j) EXPECT_NEAR(part.table[j].coefficient, full.table[j].coefficient, 1e-9);
  EXPECT_NEAR(part.status.loglik, full.status.loglik, 1e-9 * std::abs(full.status.loglik));
}

TEST(SurvivalCox, AliasedColumnsAreReportedAndChangeNothing) {
  const RandomSurvival data = random_survival({.rows = 80, .columns = 3, .seed = 6, .strata = 3});
  CovariateMatrix covariates(80);
  covariates.add("constant", std::vector<double>(80, 3.7));
  for (dim_t j = 0; j < 3; ++j) covariates.add("x", data.covariates.column(j));
  std::vector<double> sum(80), by_stratum(80);
  for (dim_t i = 0; i < 80; ++i) {
    sum[i] = 2 * data.covariates.column(0)[i] - data.covariates.column(1)[i] + 5;
    by_stratum[i] = data.outcome.stratum[i];
  }
  covariates.add("sum", sum);
  covariates.add("constant within strata", by_stratum);
  const CoxFit reference = fit_all(data.outcome, data.covariates, exact(CoxTies::kEfron));
  for (const NewtonControl& control : {NewtonControl{}, exact_newton()}) {
    const CoxFit fit = fit_all(data.outcome, covariates, {.newton = control}, {.enabled = true});
    expect_finite(fit);
    EXPECT_EQ(fit.status.num_aliased, 3);
    EXPECT_EQ(fit.status.num_infinite, 0);
    for (int j : {0, 4, 5}) {
      EXPECT_TRUE(fit.table[j].aliased) << j;
      EXPECT_EQ(fit.table[j].coefficient, 0);
    }
    for (int j = 0; j < 3; ++j) EXPECT_NEAR(fit.table[j + 1].coefficient, reference.table[j].coefficient, 1e-6);
    EXPECT_NEAR(fit.status.loglik, reference.status.loglik, 1e-8 * std::abs(reference.status.loglik));
    EXPECT_EQ(fit.likelihood_ratio.df, 3);
    EXPECT_EQ(fit.score.df, 3);
  }
}

TEST(SurvivalCox, WarmStartReachesTheSameMaximum) {
  const RandomSurvival data = random_survival({.rows = 200, .columns = 12, .seed = 5, .distinct_times = 60});
  const SurvivalDesign design(data.outcome, data.covariates);
  const CoxModel model(design, exact(CoxTies::kEfron));
  CoxScratch cold, warm;
  const std::vector<dim_t> parent = {0, 1, 4, 9}, child = {0, 1, 4, 9, 7};
  model.fit(parent, {}, warm);
  std::vector<double> start(warm.coefficients().begin(), warm.coefficients().end());
  start.push_back(0);
  const FitStatus from_zero = model.fit(child, {}, cold), from_parent = model.fit(child, start, warm);
  EXPECT_LE(from_parent.iterations, from_zero.iterations);
  EXPECT_NEAR(from_parent.loglik, from_zero.loglik, 1e-12 * std::abs(from_zero.loglik));
  for (std::size_t j = 0; j < child.size(); ++j) EXPECT_NEAR(warm.coefficients()[j], cold.coefficients()[j], 1e-9);
  // A start at which the likelihood is not finite is replaced by zeros; a start on an aliased column is dropped.
  const std::vector<double> absurd(5, 1e6);
  EXPECT_NEAR(model.fit(child, absurd, warm).loglik, from_zero.loglik, 1e-12 * std::abs(from_zero.loglik));
  const std::vector<dim_t> twice = {0, 1, 0};
  const std::vector<double> on_the_twin = {0.1, 0.1, 0.3};
  const FitStatus status = model.fit(twice, on_the_twin, warm);
  EXPECT_EQ(status.num_aliased, 1);
  EXPECT_EQ(warm.coefficients()[2], 0);
  EXPECT_NEAR(status.loglik, model.fit(std::vector<dim_t>{0, 1}, {}, cold).loglik, 1e-9 * std::abs(status.loglik));
}

TEST(SurvivalCox, NoColumnsIsTheNullModel) {
  const RandomSurvival data = random_survival({.rows = 30, .columns = 1});
  const SurvivalDesign design(data.outcome, data.covariates);
  CoxScratch scratch;
  const FitStatus status = CoxModel(design).fit({}, {}, scratch);
  EXPECT_TRUE(status.converged);
  EXPECT_EQ(status.iterations, 0);
  EXPECT_EQ(status.loglik, CoxModel(design).loglik(design.all_columns(), std::vector<double>{0}, scratch));
}

/// A gene whose carriers all survive beside an ordinary covariate.
RandomSurvival separated_data() {
  RandomSurvival data = random_survival({.rows = 150, .columns = 1, .seed = 8});
  std::vector<double> gene(150, 0.);
  for (dim_t i = 0; i < 150 && std::accumulate(gene.begin(), gene.end(), 0.) < 6; ++i) {
    if (!data.outcome.event[i]) gene[i] = 1;
  }
  data.covariates.add("gene", gene);
  return data;
}

TEST(SurvivalCox, SeparationIsFlaggedAndFirthIsFinite) {
  const RandomSurvival data = separated_data();
  for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
    for (const NewtonControl& control : {NewtonControl{}, exact_newton()}) {
      const CoxFit fit = fit_all(data.outcome, data.covariates, {.ties = ties, .newton = control});
      expect_finite(fit);
      EXPECT_TRUE(fit.table[1].infinite);
      EXPECT_FALSE(fit.table[0].infinite);
      EXPECT_LT(fit.table[1].coefficient, -5);
      EXPECT_LT(fit.score.log10_p, 0);
    }
    NewtonControl control = exact_newton();
    const CoxFit firth = fit_all(data.outcome, data.covariates, {.ties = ties, .newton = control, .firth = true});
    expect_finite(firth);
    EXPECT_TRUE(firth.status.converged);
    EXPECT_EQ(firth.status.num_infinite, 0);
    EXPECT_LT(firth.table[1].coefficient, 0);
    EXPECT_GT(firth.table[1].coefficient, -6);

    // At the maximum of the penalised likelihood its differences vanish.
    const SurvivalDesign design(data.outcome, data.covariates);
    const CoxModel model(design, exact(ties));
    CoxScratch scratch;
    const auto penalised = [&](double a, double b) {
      std::vector<double> information(4);
      const double l = model.derivatives(design.all_columns(), std::vector<double>{a, b}, {}, information, scratch);
      return l + std::log(information[0] * information[3] - information[1] * information[2]) / 2;
    };
    const double a = firth.table[0].coefficient, b = firth.table[1].coefficient;
    EXPECT_NEAR(penalised(a + 1e-4, b), penalised(a - 1e-4, b), 1e-7);
    EXPECT_NEAR(penalised(a, b + 1e-3), penalised(a, b - 1e-3), 1e-7);
  }
}

TEST(SurvivalCox, FitsInParallelHaveTheSameBits) {
  const RandomSurvival data = random_survival({.rows = 150, .columns = 10, .seed = 3, .distinct_times = 40});
  const SurvivalDesign design(data.outcome, data.covariates);
  const CoxModel model(design);
  const auto runs = at_thread_counts([&] {
    std::vector<double> logliks(64);
#pragma omp parallel
    {
      CoxScratch scratch;
#pragma omp for schedule(dynamic)
      for (int i = 0; i < 64; ++i) {
        std::vector<dim_t> columns;
        for (dim_t j = 0; j < 10; ++j) {
          if ((i * 37 + 11) >> (j % 6) & 1) columns.push_back(j);
        }
        logliks[std::size_t(i)] = model.fit(columns, {}, scratch).loglik;
      }
    }
    return logliks;
  });
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(SurvivalCox, BadInputIsNamed) {
  const RandomSurvival data = random_survival({.rows = 20, .columns = 2});
  const auto design = [&](auto change) {
    SurvivalOutcome outcome = data.outcome;
    change(outcome);
    SurvivalDesign made(outcome, data.covariates);
  };
  EXPECT_ERROR(design([](auto& o) { o.event.pop_back(); }), ShapeError,
               "expected 20 values of event (as of time), got 19");
  EXPECT_ERROR(design([](auto& o) { o.weight = {1}; }), ShapeError, "expected 20 values of weight (as of time), got 1");
  EXPECT_ERROR(design([](auto& o) { o.time[3] = NAN; }), DataError, "expected a finite time, got nan at row 3");
  EXPECT_ERROR(design([](auto& o) { o.event[4] = 2; }), DataError, "expected event 0 or 1, got 2 at row 4");
  EXPECT_ERROR(design([](auto& o) {
                 o.weight.assign(20, 1);
                 o.weight[5] = -1;
               }),
               DataError, "expected weights >= 0, got -1 at row 5");
  EXPECT_ERROR(design([](auto& o) { o.weight.assign(20, 0); }), DataError, "some weight above 0, got all 0");
  EXPECT_ERROR(design([](auto& o) { o.entry = o.time; }), DataError, "expected entry before time");
  EXPECT_ERROR(design([](auto& o) { o.offset.assign(20, INFINITY); }), DataError, "expected a finite offset");
  EXPECT_ERROR(SurvivalDesign(SurvivalOutcome{}, CovariateMatrix(0)), DataError,
               "expected at least one patient, got none");
  EXPECT_ERROR(SurvivalDesign(data.outcome, CovariateMatrix(19)), ShapeError,
               "expected 20 rows of covariates (as of time), got 19");
  CovariateMatrix covariates(2);
  EXPECT_ERROR(covariates.add("G7", std::vector<double>{1, NAN}), DataError,
               "expected finite values of G7, got nan at row 1");
  EXPECT_ERROR(covariates.add("G8", std::vector<double>{1}), ShapeError, "expected 2 values of G8, got 1");
  EXPECT_ERROR(data.outcome.select(std::vector<dim_t>{20}), UsageError, "expected rows in 0 to 19, got 20");

  const SurvivalDesign good(data.outcome, data.covariates);
  CoxScratch scratch;
  EXPECT_ERROR(CoxModel(good).fit(std::vector<dim_t>{2}, {}, scratch), UsageError, "expected columns in 0 to 1, got 2");
  EXPECT_ERROR(CoxModel(good).fit(std::vector<dim_t>{0}, std::vector<double>{1, 2}, scratch), UsageError,
               "expected 1 coefficients (one a column), got 2");
  CoxOptions options;
  options.newton.tolerance = 0;
  EXPECT_ERROR(CoxModel(good, options), UsageError, "expected a tolerance in (0, 1), got 0");
  options.newton = {};
  options.newton.max_iterations = 0;
  EXPECT_ERROR(CoxModel(good, options), UsageError, "at least 1 iteration");
}

}  // namespace
}  // namespace engram::survival
