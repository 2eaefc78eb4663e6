/// Residuals of a Cox fit, its robust errors and the check of proportional hazards, without R.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/common/error.h"
#include "models/survival/cox_residuals.h"
#include "tests/support/expect_error.h"
#include "tests/support/random_survival.h"

namespace engram::survival {
namespace {

using ::engram::testing::random_survival;
using ::engram::testing::RandomSurvival;
using ::engram::testing::survival_arrangements;

CoxOptions exact_fit(CoxTies ties) {
  return {.ties = ties, .newton = exact_newton()};
}

TEST(SurvivalCoxResiduals, MartingaleResidualsSumToZeroAndScoreResidualsToTheScore) {
  for (const auto& options : survival_arrangements()) {
    if (options.columns > 9) continue;
    SCOPED_TRACE(options.seed);
    const RandomSurvival data = random_survival(options);
    const SurvivalDesign design(data.outcome, data.covariates);
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      const CoxModel model(design, exact_fit(ties));
      const CoxFit fit = fit_cox(model, design.all_columns());
      if (fit.status.num_infinite > 0) continue;
      const std::vector<double> martingale = martingale_residuals(model, fit), score = score_residuals(model, fit);
      double sum = 0;
      std::vector<double> sums(fit.columns.size(), 0.);
      for (dim_t i = 0; i < design.rows(); ++i) {
        const double w = data.outcome.weight.empty() ? 1 : data.outcome.weight[i];
        sum += w * martingale[i];
        for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += w * score[i * sums.size() + j];
      }
      EXPECT_NEAR(sum, 0, 1e-8);
      for (std::size_t j = 0; j < sums.size(); ++j) EXPECT_NEAR(sums[j], 0, 1e-6 * design.scale(dim_t(j)));
    }
  }
}

TEST(SurvivalCoxResiduals, ProportionalHazardsCheckFindsWhatChangesWithTime) {
  // Hazard ratio 4 before time 0.2 and 1/4 after it in one column, proportional in the other.
  std::mt19937 rng(2);
  std::exponential_distribution<double> exponential;
  SurvivalOutcome outcome;
  std::vector<double> changing, steady;
  for (int i = 0; i < 600; ++i) {
    const double x = i % 2, z = (i / 2) % 2;
    const double early = std::exp(std::log(4.) * x + 0.7 * z), late = std::exp(-std::log(4.) * x + 0.7 * z);
    const double e = exponential(rng);
    outcome.time.push_back(e < 0.2 * early ? e / early : 0.2 + (e - 0.2 * early) / late);
    outcome.event.push_back(1);
    changing.push_back(x);
    steady.push_back(z);
  }
  CovariateMatrix covariates(600);
  covariates.add("changing", changing);
  covariates.add("steady", steady);
  covariates.add("constant", std::vector<double>(600, 1.));
  const SurvivalDesign design(outcome, covariates);
  const CoxModel model(design);
  const ProportionalHazardsCheck check = check_proportional_hazards(model, fit_cox(model, design.all_columns()));
  EXPECT_LT(check.columns[0].test.log10_p, -10);
  EXPECT_LT(check.columns[0].correlation, -0.3);
  EXPECT_GT(check.columns[1].test.log10_p, -3);
  EXPECT_EQ(check.columns[2].test.statistic, 0);
  EXPECT_LT(check.global.log10_p, -10);
  EXPECT_EQ(check.global.df, 2);
}

TEST(SurvivalCoxResiduals, SchoenfeldResidualsSumToZero) {
  const RandomSurvival data = random_survival({.rows = 90, .columns = 3, .seed = 2, .distinct_times = 25, .strata = 2});
  const SurvivalDesign design(data.outcome, data.covariates);
  const CoxModel model(design, exact_fit(CoxTies::kEfron));
  const SchoenfeldResiduals residuals = schoenfeld_residuals(model, fit_cox(model, design.all_columns()));
  EXPECT_EQ(dim_t(residuals.time.size()), data.outcome.num_events());
  for (int j = 0; j < 3; ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < residuals.time.size(); ++i) sum += residuals.residuals[i * 3 + j];
    EXPECT_NEAR(sum, 0, 1e-8);
  }
  for (std::size_t i = 0; i < residuals.time.size(); ++i) {
    EXPECT_EQ(residuals.time[i], data.outcome.time[std::size_t(residuals.patient[i])]);
  }
}

TEST(SurvivalCoxResiduals, RobustErrorsOfWholeClustersAreThoseOfTheirSums) {
  const RandomSurvival data = random_survival({.rows = 70, .columns = 2, .seed = 3});
  std::vector<std::int32_t> own(70), pairs(70);
  for (int i = 0; i < 70; ++i) own[i] = 100 - i, pairs[i] = i / 2;
  const SurvivalDesign design(data.outcome, data.covariates);
  const CoxModel model(design, exact_fit(CoxTies::kEfron));
  const auto robust = [&](const std::vector<std::int32_t>& cluster) {
    return fit_cox(model, design.all_columns(), {.enabled = true, .cluster = cluster}).robust_covariance;
  };
  const auto each = robust({}), same = robust(own), paired = robust(pairs);
  for (int ab = 0; ab < 4; ++ab) EXPECT_NEAR(each[ab], same[ab], 1e-14);
  EXPECT_GT(std::abs(paired[0] - each[0]), 1e-6 * each[0]);
  EXPECT_ERROR(robust({1, 2}), ShapeError, "expected 70 cluster labels (one a patient), got 2");
}

}  // namespace
}  // namespace engram::survival
