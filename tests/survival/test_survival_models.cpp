/// Accelerated failure time, logistic and product-limit models, tests and weights without R: derivatives, invariances,
/// known values, bad input.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "kernels/common/error.h"
#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/kaplan_meier.h"
#include "models/survival/probability.h"
#include "models/survival/propensity.h"
#include "tests/support/expect_error.h"
#include "tests/support/random_survival.h"

namespace engram::survival {
namespace {

using ::engram::testing::random_survival;
using ::engram::testing::RandomSurvival;

constexpr AftDistribution kDistributions[] = {AftDistribution::kWeibull, AftDistribution::kLogNormal,
                                              AftDistribution::kLogLogistic};

/// With weights and offsets, and with entry times or without.
class SurvivalAftRows : public ::testing::TestWithParam<bool> {
 protected:
  const RandomSurvival data_ =
      random_survival({.rows = 61, .columns = 4, .weights = true, .offset = true, .entry = GetParam()});
};

INSTANTIATE_TEST_SUITE_P(Entries, SurvivalAftRows, ::testing::Bool());

TEST_P(SurvivalAftRows, DerivativesAreThoseOfTheLikelihood) {
  const SurvivalDesign design(data_.outcome, data_.covariates);
  const std::vector<dim_t> columns = {2, 0, 3};
  for (AftDistribution distribution : kDistributions) {
    SCOPED_TRACE(distribution_name(distribution));
    const AftModel model(design, {.distribution = distribution});
    AftScratch scratch;
    const std::vector<double> at = {1.2, 0.02, 0.15, -0.2, -0.4};
    std::vector<double> score(5), information(25), up(5), down(5);
    model.derivatives(columns, at, score, information, scratch);
    for (std::size_t j = 0; j < 5; ++j) {
      auto above = at, below = at;
      above[j] += 1e-6;
      below[j] -= 1e-6;
      const double value_up = model.derivatives(columns, above, up, {}, scratch);
      const double value_down = model.derivatives(columns, below, down, {}, scratch);
      EXPECT_NEAR(score[j], (value_up - value_down) / 2e-6, 1e-5 * (1 + std::abs(score[j])));
      for (std::size_t i = 0; i < 5; ++i) {
        EXPECT_NEAR(information[j * 5 + i], -(up[i] - down[i]) / 2e-6,
                    1e-5 * (1 + std::abs(information[j * 6]) + std::abs(information[i * 6])));
      }
    }
  }
}

TEST(SurvivalAft, TimeUnitAndRowOrderDoNotMatter) {
  const RandomSurvival data = random_survival({.rows = 90, .columns = 3, .seed = 2});
  std::vector<dim_t> order(90);
  std::iota(order.begin(), order.end(), dim_t(0));
  std::shuffle(order.begin(), order.end(), std::mt19937(3));
  SurvivalOutcome days = data.outcome.select(order);
  for (double& t : days.time) t *= 365.25;
  const SurvivalDesign design(data.outcome, data.covariates), other(days, data.covariates.select(order));
  for (AftDistribution distribution : kDistributions) {
    const AftOptions options{.distribution = distribution, .newton = exact_newton()};
    const AftFit a = fit_aft(AftModel(design, options), design.all_columns());
    const AftFit b = fit_aft(AftModel(other, options), other.all_columns());
    EXPECT_NEAR(b.estimate[0], a.estimate[0] + std::log(365.25), 1e-9);
    for (std::size_t j = 1; j < a.estimate.size(); ++j) EXPECT_NEAR(b.estimate[j], a.estimate[j], 1e-9);
    EXPECT_NEAR(b.status.loglik, a.status.loglik - double(data.outcome.num_events()) * std::log(365.25), 1e-8);
  }
}

TEST(SurvivalAft, WarmStartAndAliasedColumns) {
  const RandomSurvival data = random_survival({.rows = 120, .columns = 3, .seed = 4});
  CovariateMatrix covariates = data.covariates;
  std::vector<double> twin(120);
  for (dim_t i = 0; i < 120; ++i) twin[i] = 3 - 2 * data.covariates.column(0)[i];
  covariates.add("twin", twin);
  covariates.add("constant", std::vector<double>(120, 1.));
  const SurvivalDesign design(data.outcome, covariates);
  for (AftDistribution distribution : kDistributions) {
    SCOPED_TRACE(distribution_name(distribution));
    const AftModel model(design, {.distribution = distribution, .newton = exact_newton()});
    const std::vector<dim_t> three = {0, 1, 2};
    const AftFit fit = fit_aft(model, three), all = fit_aft(model, design.all_columns());
    EXPECT_EQ(all.status.num_aliased, 2);
    EXPECT_TRUE(all.aliased[4] && all.aliased[5]);
    EXPECT_NEAR(all.status.loglik, fit.status.loglik, 1e-9 * std::abs(fit.status.loglik));
    EXPECT_EQ(all.likelihood_ratio.df, 3);
    EXPECT_NEAR(all.aic, 2 * 5 - 2 * all.status.loglik, 1e-9);
    for (std::size_t j = 0; j < all.estimate.size(); ++j) {
      EXPECT_TRUE(std::isfinite(all.estimate[j]) && std::isfinite(all.standard_error[j]) && std::isfinite(all.z[j]));
    }
    AftScratch scratch;
    const std::vector<dim_t> two = {0, 1};
    model.fit(two, {}, scratch);
    std::vector<double> start(scratch.parameters().begin(), scratch.parameters().end());
    start.insert(start.begin() + 3, 0.);
    const FitStatus warm = model.fit(three, start, scratch);
    EXPECT_NEAR(warm.loglik, fit.status.loglik, 1e-11 * std::abs(fit.status.loglik));
    for (std::size_t j = 0; j < 5; ++j) EXPECT_NEAR(scratch.parameters()[j], fit.estimate[j], 1e-8);
    // A start at which nothing is finite.
    const std::vector<double> absurd = {1e308, 0, 0, 0, -700};
    EXPECT_NEAR(model.fit(three, absurd, scratch).loglik, fit.status.loglik, 1e-9 * std::abs(fit.status.loglik));
  }
}

TEST(SurvivalAft, ScoreTestIsTheConditionalScoreOfTheNewColumn) {
  const RandomSurvival data = random_survival({.rows = 150, .columns = 6, .seed = 7});
  const SurvivalDesign design(data.outcome, data.covariates);
  const std::vector<dim_t> null = {2, 3};
  for (AftDistribution distribution : kDistributions) {
    SCOPED_TRACE(distribution_name(distribution));
    const AftModel model(design, {.distribution = distribution, .newton = exact_newton()});
    AftScratch scratch;
    const double null_loglik = model.fit(null, {}, scratch).loglik;
    const std::vector<double> parameters(scratch.parameters().begin(), scratch.parameters().end());
    const std::vector<dim_t> candidates = {0, 1, 4, 5, 2};
    const std::vector<AftScoreTest> tests = model.score_tests(null, parameters, candidates, scratch);
    ASSERT_EQ(tests.size(), 5u);
    EXPECT_EQ(tests[4].z, 0) << "a column of the null model has no score";
    for (std::size_t c = 0; c < 4; ++c) {
      // U' I^-1 U with the scale held, from the derivatives of the larger model.
      const std::vector<dim_t> larger = {2, 3, candidates[c]};
      std::vector<double> at(parameters), score(5), information(25);
      at.insert(at.begin() + 3, 0.);
      model.derivatives(larger, at, score, information, scratch);
      double a[3][4];
      for (int p = 0; p < 3; ++p) {
        for (int q = 0; q < 3; ++q) a[p][q] = information[p * 5 + q];
        a[p][3] = information[p * 5 + 3];
      }
      for (int p = 0; p < 3; ++p) {
        for (int q = 3; q >= p; --q) a[p][q] /= a[p][p];
        for (int r = 0; r < 3; ++r)
          for (int q = 3; r != p && q >= p; --q) a[r][q] -= a[r][p] * a[p][q];
      }
      double efficient = information[3 * 5 + 3];
      for (int p = 0; p < 3; ++p) efficient -= information[p * 5 + 3] * a[p][3];
      EXPECT_NEAR(tests[c].z, score[3] / std::sqrt(efficient), 1e-7 * (1 + std::abs(tests[c].z)));
      EXPECT_NEAR(tests[c].one_step, score[3] / efficient, 1e-7 * (1 + std::abs(tests[c].one_step)));
      EXPECT_NEAR(tests[c].log10_p, log10_p_normal(tests[c].z), 1e-9);
      if (std::abs(tests[c].z) > 1) continue;
      const double gain = 2 * (model.fit(larger, {}, scratch).loglik - null_loglik);
      EXPECT_NEAR(gain, tests[c].z * tests[c].z, 0.2) << "near the null the tests agree";
    }
    EXPECT_GT(tests[0].z, 4) << "x0 lengthens life";
    EXPECT_LT(tests[1].z, -2) << "x1 shortens it";
  }
}

TEST_P(SurvivalAftRows, ScoreResidualsSumToTheScore) {
  const SurvivalDesign design(data_.outcome, data_.covariates);
  const std::vector<dim_t> columns = {2, 0, 3};
  const std::vector<double> at = {1.2, 0.02, 0.15, -0.2, -0.4};
  for (AftDistribution distribution : kDistributions) {
    const AftModel model(design, {.distribution = distribution});
    AftScratch scratch;
    std::vector<double> score(5), sum(5);
    model.derivatives(columns, at, score, {}, scratch);
    const std::vector<double> residuals = model.score_residuals(columns, at, scratch);
    ASSERT_EQ(residuals.size(), 61u * 5u);
    for (std::size_t i = 0; i < residuals.size(); ++i) sum[i % 5] += residuals[i];
    for (std::size_t j = 0; j < 5; ++j) EXPECT_NEAR(sum[j], score[j], 1e-9 * (1 + std::abs(score[j])));
  }
}

// Follow-up cut in two at any time, the second piece given survival to the first, is the same follow-up.
TEST(SurvivalAft, FollowUpCutInTwoIsTheSameFollowUp) {
  const RandomSurvival whole = random_survival({.rows = 90, .columns = 2, .seed = 4, .weights = true});
  SurvivalOutcome cut = whole.outcome;
  std::vector<dim_t> rows(90);
  std::iota(rows.begin(), rows.end(), dim_t(0));
  cut.entry.assign(90, 0);
  for (std::size_t i = 0; i < 90; i += 2) {
    rows.push_back(dim_t(i));
    cut.entry[i] = (0.1 + 0.008 * double(i)) * cut.time[i];
    cut.time.push_back(cut.entry[i]);
    cut.event.push_back(0);
    cut.entry.push_back(i % 4 == 0 ? 0 : -3);  // both: from the beginning
    cut.weight.push_back(cut.weight[i]);
  }
  const SurvivalDesign one(whole.outcome, whole.covariates), two(cut, whole.covariates.select(rows));
  for (AftDistribution distribution : kDistributions) {
    SCOPED_TRACE(distribution_name(distribution));
    const AftOptions options{.distribution = distribution, .newton = exact_newton()};
    const AftFit a = fit_aft(AftModel(one, options), one.all_columns()),
                 b = fit_aft(AftModel(two, options), two.all_columns());
    EXPECT_TRUE(b.status.converged);
    EXPECT_NEAR(a.status.loglik, b.status.loglik, 1e-8 * std::abs(a.status.loglik));
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_NEAR(a.estimate[j], b.estimate[j], 1e-6);
      EXPECT_NEAR(a.standard_error[j], b.standard_error[j], 1e-6);
    }
  }
}

// Who is seen from an entry on had to live until then: without the entry, life looks too long.
TEST(SurvivalAft, LateEntriesAreAllowedFor) {
  std::mt19937 rng(5);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  for (AftDistribution distribution : kDistributions) {
    SCOPED_TRACE(distribution_name(distribution));
    SurvivalOutcome seen;
    std::vector<double> x;
    while (seen.time.size() < 4000) {
      const double u = uniform(rng), value = normal(rng);
      const double error = distribution == AftDistribution::kWeibull     ? std::log(-std::log(u))
                           : distribution == AftDistribution::kLogNormal ? normal(rng)
                                                                         : std::log(u / (1 - u));
      const double death = std::exp(1 + 0.5 * value + 0.7 * error), entry = 6 * uniform(rng) - 1;
      const double end = entry + 12 * uniform(rng);
      if (death <= entry || end <= 0) continue;
      seen.entry.push_back(entry);
      seen.time.push_back(std::min(death, end));
      seen.event.push_back(death <= end);
      x.push_back(value);
    }
    CovariateMatrix covariates(4000);
    covariates.add("x", x);
    const auto fit = [&](const SurvivalOutcome& outcome) {
      const SurvivalDesign design(outcome, covariates);
      return fit_aft(AftModel(design, {.distribution = distribution}), design.all_columns());
    };
    const AftFit with = fit(seen);
    const double truth[3] = {1, 0.5, std::log(0.7)};
    for (std::size_t j = 0; j < 3; ++j) EXPECT_LT(std::abs(with.estimate[j] - truth[j]), 3.5 * with.standard_error[j]);
    seen.entry.clear();
    EXPECT_GT(fit(seen).estimate[0], 1.1);
  }
}

TEST(SurvivalAft, RobustErrorsOfAPatientTwiceAreThoseOfACluster) {
  const RandomSurvival data = random_survival({.rows = 70, .columns = 2, .seed = 3});
  std::vector<dim_t> twice;
  std::vector<std::int32_t> who;
  for (int i = 0; i < 70; ++i)
    for (int copy = 0; copy < 2; ++copy) twice.push_back(i), who.push_back(i);
  const SurvivalDesign once(data.outcome, data.covariates);
  const SurvivalDesign doubled(data.outcome.select(twice), data.covariates.select(twice));
  const AftOptions options{.newton = exact_newton()};
  const AftFit a = fit_aft(AftModel(once, options), once.all_columns(), {.enabled = true});
  const AftFit b = fit_aft(AftModel(doubled, options), doubled.all_columns(), {.enabled = true, .cluster = who});
  const AftFit apart = fit_aft(AftModel(doubled, options), doubled.all_columns(), {.enabled = true});
  ASSERT_EQ(a.standard_error.size(), 4u);
  for (std::size_t j = 0; j < 4; ++j) {
    EXPECT_NEAR(b.standard_error[j] / a.standard_error[j], 1, 1e-6);
    EXPECT_NEAR(apart.standard_error[j] / a.standard_error[j], std::sqrt(0.5), 1e-6);
  }
  EXPECT_ERROR(fit_aft(AftModel(once, options), once.all_columns(), {.enabled = true, .cluster = {1}}), ShapeError,
               "expected 70 cluster labels");
}

TEST(SurvivalAft, BadInputIsNamed) {
  RandomSurvival data = random_survival({.rows = 20, .columns = 1});
  const auto model = [](const SurvivalOutcome& outcome, const CovariateMatrix& covariates) {
    const SurvivalDesign design(outcome, covariates);
    AftModel made(design);
  };
  SurvivalOutcome outcome = data.outcome;
  outcome.time[6] = -7.95;
  EXPECT_ERROR(model(outcome, data.covariates), DataError,
               "expected times above 0 (models of log time), got -7.95 at row 6");
  outcome = data.outcome;
  outcome.event.assign(20, 0);
  EXPECT_ERROR(model(outcome, data.covariates), UsageError, "at least one event, got none");
  outcome = data.outcome;
  outcome.stratum.assign(20, 0);
  outcome.stratum[0] = 1;
  EXPECT_ERROR(model(outcome, data.covariates), UsageError, "expected no strata");
  EXPECT_ERROR(parse_distribution("gamma"), UsageError, "expected weibull, lognormal or loglogistic, got gamma");
  const SurvivalDesign design(data.outcome, data.covariates);
  AftScratch scratch;
  EXPECT_ERROR(AftModel(design).fit(std::vector<dim_t>{0}, std::vector<double>{1}, scratch), UsageError,
               "expected 3 parameters (intercept, one a column, log scale), got 1");
}

TEST(SurvivalProbability, KnownValues) {
  // Two-sided normal and chi-square tails from their closed forms.
  EXPECT_EQ(log10_p_normal(0), 0);
  EXPECT_NEAR(log10_p_normal(1.959963984540054), std::log10(0.05), 1e-13);
  EXPECT_EQ(log10_p_normal(-3), log10_p_normal(3));
  EXPECT_NEAR(log10_p_chi_square(5, 2), -2.5 / std::log(10.), 1e-14);
  EXPECT_NEAR(log10_p_chi_square(2000, 2), -1000 / std::log(10.), 1e-10);
  EXPECT_NEAR(log10_p_chi_square(1e-3, 2), -5e-4 / std::log(10.), 1e-16);
  EXPECT_NEAR(log10_p_chi_square(7, 4), std::log10(std::exp(-3.5) * (1 + 3.5)), 1e-13);
  EXPECT_NEAR(log10_p_chi_square(700, 6), (-350 + std::log(1 + 350 + 350. * 350 / 2)) / std::log(10.), 1e-10);
  // Far tails, 1e-300 and beyond, by the asymptotic series of Mills' ratio.
  for (double z : {30., 36.9, 100., 1000.}) {
    const double series = 1 - 1 / (z * z) + 3 / std::pow(z, 4) - 15 / std::pow(z, 6) + 105 / std::pow(z, 8);
    const double expected = (-z * z / 2 + std::log(2 * series / (z * std::sqrt(2 * M_PI)))) / std::log(10.);
    EXPECT_NEAR(log10_p_normal(z), expected, 1e-9) << z;
    EXPECT_NEAR(log10_p_chi_square(z * z, 1), expected, 1e-9) << z;
  }
  EXPECT_LT(log10_p_normal(38), -300);
  for (double z : {0.3, 1.2, 4., 8.}) EXPECT_NEAR(log10_p_chi_square(z * z, 1), log10_p_normal(z), 1e-12) << z;
  EXPECT_EQ(log10_p_chi_square(0, 3), 0);
  EXPECT_TRUE(std::isnan(log10_p_normal(NAN)));
  EXPECT_ERROR(log10_p_chi_square(1, 0), UsageError, "degrees of freedom above 0");
  for (double p : {1e-300, 1e-20, 1e-4, 0.025, 0.3, 0.4999, 0.5, 0.6, 0.975, 0.999999}) {
    EXPECT_NEAR(normal_cdf(normal_quantile(p)), p, 1e-12 * p) << p;
  }
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_ERROR(normal_quantile(1), UsageError, "probability in (0, 1)");
}

TEST(SurvivalProbability, MultiplicityAdjustments) {
  const std::vector<double> p = {0.01, 0.04, 0.03, NAN, 0.5, 1e-310 * 0 + 0.2};
  std::vector<double> log10_p;
  for (double v : p) log10_p.push_back(std::log10(v));
  const std::vector<double> q = benjamini_hochberg(log10_p), b = bonferroni(log10_p);
  const double expected[] = {0.05, 0.2 / 3, 0.2 / 3, NAN, 0.5, 0.25};
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (std::isnan(p[i])) {
      EXPECT_TRUE(std::isnan(q[i]) && std::isnan(b[i]));
      continue;
    }
    EXPECT_NEAR(std::pow(10, q[i]), expected[i], 1e-12) << i;
    EXPECT_NEAR(std::pow(10, b[i]), std::min(1., 5 * p[i]), 1e-12) << i;
  }
  const std::vector<double> tiny = {-400, -350, 0};
  EXPECT_NEAR(benjamini_hochberg(tiny)[0], -400 + std::log10(3.), 1e-12);
  EXPECT_TRUE(benjamini_hochberg({}).empty());
}

TEST(SurvivalKaplanMeier, CurvesMediansAndBands) {
  SurvivalOutcome outcome{.time = {1, 2, 2, 3, 4, 5}, .event = {1, 1, 0, 0, 1, 0}};
  const SurvivalCurve curve = kaplan_meier(outcome);
  EXPECT_EQ(curve.time, (std::vector<double>{1, 2, 3, 4, 5}));
  EXPECT_NEAR(curve.survival[1], 5. / 6 * 4 / 5, 1e-15);
  EXPECT_NEAR(curve.survival[3], 5. / 6 * 4 / 5 / 2, 1e-15);
  EXPECT_NEAR(curve.cumulative_hazard[3], 1. / 6 + 1. / 5 + 1. / 2, 1e-15);
  EXPECT_NEAR(curve.cumulative_hazard_standard_error[3], std::sqrt(1. / 36 + 1. / 25 + 1. / 4), 1e-15);
  EXPECT_EQ(curve.survival_at(0.5), 1);
  EXPECT_EQ(curve.survival_at(2), curve.survival[1]);
  EXPECT_EQ(curve.survival_before(2), curve.survival[0]);
  EXPECT_EQ(curve.median(), 4);
  EXPECT_EQ(kaplan_meier({.time = {1, 2, 3, 4}, .event = {1, 1, 1, 1}}).median(), 2.5);
  EXPECT_TRUE(std::isnan(kaplan_meier({.time = {1, 2}, .event = {0, 0}}).median()));
  const SurvivalBand band = confidence_band(curve);
  EXPECT_NEAR(band.lower[0], 5. / 6 * std::exp(-1.959963984540054 * std::sqrt(1. / 30)), 1e-14);
  EXPECT_EQ(band.upper[0], 1);
  // Left truncation: the second patient is not yet there at time 1.
  outcome = {.time = {1, 3, 4}, .event = {1, 1, 0}, .entry = {0, 1, 0}};
  EXPECT_EQ(kaplan_meier(outcome).at_risk, (std::vector<double>{2, 2, 1}));
  // Censoring at a time of death: with deaths first only the others can be censored.
  outcome = {.time = {1, 1, 2}, .event = {1, 0, 1}};
  EXPECT_NEAR(censoring_curve(outcome).survival[0], 2. / 3, 1e-15);
  EXPECT_NEAR(censoring_curve(outcome, CensoringTies::kEventsFirst).survival[0], 1. / 2, 1e-15);
}

TEST(SurvivalKaplanMeier, CensoringWeights) {
  const SurvivalOutcome outcome{.time = {1, 2, 3, 4}, .event = {1, 0, 1, 0}};
  const std::vector<double> weights = ipcw_weights(outcome, 3.5, INFINITY);
  // G is 1 before 2 and 2/3 from then on.
  EXPECT_EQ(weights[0], 1);
  EXPECT_EQ(weights[1], 0);
  EXPECT_NEAR(weights[2], 1.5, 1e-15);
  EXPECT_NEAR(weights[3], 1.5, 1e-15);
  EXPECT_EQ(ipcw_weights(outcome, 3.5, 1.2)[2], 1.2);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.), 4, 1e-14);
  EXPECT_ERROR(ipcw_weights(outcome, NAN, 10), UsageError, "finite horizon");
  EXPECT_ERROR(ipcw_weights(outcome, 1, 1), UsageError, "largest weight above 1");
}

TEST(SurvivalLogRank, KnownTableAndInvariance) {
  // Times 1 (A dies, 2 + 2 at risk), 2 (B dies, 1 + 2), 3 (B dies, 1 + 1): expected deaths of A 1/2 + 1/3 + 1/2.
  const SurvivalOutcome outcome{.time = {1, 4, 2, 3}, .event = {1, 0, 1, 1}};
  const std::vector<std::int32_t> group = {5, 5, 9, 9};
  const LogRank test = log_rank(outcome, group);
  EXPECT_EQ(test.group, (std::vector<std::int32_t>{5, 9}));
  EXPECT_EQ(test.observed, (std::vector<double>{1, 2}));
  EXPECT_NEAR(test.expected[0], 4. / 3, 1e-15);
  const double variance = 1. / 4 + 2. / 9 + 1. / 4;
  EXPECT_NEAR(test.test.statistic, 1. / 9 / variance, 1e-12);
  EXPECT_EQ(test.test.df, 1);
  // Two strata that are copies of one another double the statistic's sums.
  SurvivalOutcome twice = outcome.select(std::vector<dim_t>{0, 1, 2, 3, 3, 2, 1, 0});
  twice.stratum = {1, 1, 1, 1, 0, 0, 0, 0};
  const LogRank stratified = log_rank(twice, std::vector<std::int32_t>{5, 5, 9, 9, 9, 9, 5, 5});
  EXPECT_NEAR(stratified.test.statistic, 2 * test.test.statistic, 1e-12);
  // Without ties it is the score test of Cox with the group as column.
  const RandomSurvival data = random_survival({.rows = 60, .columns = 2, .entry = true});
  std::vector<std::int32_t> arm;
  for (double v : data.covariates.column(1)) arm.push_back(std::int32_t(v));
  const SurvivalDesign design(data.outcome, data.covariates);
  EXPECT_EQ(log_rank(data.outcome, std::vector<std::int32_t>(60, 1)).test.df, 0);
  EXPECT_ERROR(log_rank(data.outcome, group), ShapeError, "expected 60 groups (one a patient), got 4");
}

TEST(SurvivalConcordance, HandCountedPairs) {
  const SurvivalOutcome outcome{.time = {1, 2, 2, 3, 3}, .event = {1, 1, 0, 1, 1}};
  const std::vector<double> risk = {5, 2, 2, 1, 1};
  const Concordance c = concordance(outcome, risk);
  EXPECT_EQ(c.concordant, 4 + 2);
  EXPECT_EQ(c.tied_risk, 1);  // the two at time 2
  EXPECT_EQ(c.tied_both, 1);
  EXPECT_EQ(c.index, 6.5 / 7);
  EXPECT_EQ(concordance({.time = {1, 2}, .event = {0, 0}}, std::vector<double>{1, 2}).index, 0.5);
  const Concordance early = concordance(outcome, risk, {.tau = 2});
  EXPECT_EQ(early.comparable(), 4);
  EXPECT_ERROR(concordance(outcome, std::vector<double>{1}), ShapeError, "expected 5 risks (one a patient), got 1");
  EXPECT_ERROR(concordance(outcome, std::vector<double>{1, 2, NAN, 4, 5}), DataError, "finite risks, got nan at row 2");
  EXPECT_ERROR(concordance(outcome, risk, {.cluster = {1}}), ShapeError, "expected 5 cluster labels");
}

TEST(SurvivalConcordance, JackknifeErrorMatchesLeavingOneOut) {
  const RandomSurvival data =
      random_survival({.rows = 80, .columns = 1, .distinct_times = 25, .strata = 2, .weights = true, .entry = true});
  std::vector<double> risk(80);
  for (dim_t i = 0; i < 80; ++i) risk[i] = -std::floor(data.covariates.column(0)[i]);
  const Concordance c = concordance(data.outcome, risk, {.standard_error = true});
  double squares = 0;
  for (dim_t i = 0; i < 80; ++i) {
    // The derivative by the patient's weight, by a difference.
    SurvivalOutcome more = data.outcome, less = data.outcome;
    more.weight[i] += 1e-5;
    less.weight[i] -= 1e-5;
    const double derivative = (concordance(more, risk).index - concordance(less, risk).index) / 2e-5;
    squares += std::pow(data.outcome.weight[i] * derivative, 2);
  }
  EXPECT_NEAR(c.standard_error, std::sqrt(squares), 1e-7);
}

TEST(SurvivalPropensity, LogisticEdgeCases) {
  CovariateMatrix covariates(8);
  covariates.add("x", std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
  covariates.add("twin", std::vector<double>{2, 4, 6, 8, 10, 12, 14, 16});
  const std::vector<std::uint8_t> mixed = {0, 1, 0, 0, 1, 0, 1, 1}, split = {0, 0, 0, 0, 1, 1, 1, 1};
  const LogisticFit fit = fit_logistic(covariates, mixed);
  EXPECT_TRUE(fit.aliased[2]);
  EXPECT_EQ(fit.estimate[2], 0);
  double sum = 0;
  for (double p : fit.probability) sum += p;
  EXPECT_NEAR(sum, 4, 1e-6) << "with an intercept the propensities sum to the treated";
  const LogisticFit separated = fit_logistic(covariates, split);
  EXPECT_TRUE(separated.infinite[1]);
  for (double v : separated.estimate) EXPECT_TRUE(std::isfinite(v));
  for (double v : separated.standard_error) EXPECT_TRUE(std::isfinite(v));
  const std::vector<double> weight = {1, 2, 1, 1, 1, 1, 3, 1};
  std::vector<dim_t> repeated = {0, 1, 1, 2, 3, 4, 5, 6, 6, 6, 7};
  std::vector<std::uint8_t> response;
  for (dim_t i : repeated) response.push_back(mixed[std::size_t(i)]);
  const LogisticFit weighted = fit_logistic(covariates, mixed, weight, exact_newton());
  const LogisticFit expanded = fit_logistic(covariates.select(repeated), response, {}, exact_newton());
  for (int j = 0; j < 2; ++j) {
    EXPECT_NEAR(weighted.estimate[j], expanded.estimate[j], 1e-9);
    EXPECT_NEAR(weighted.standard_error[j], expanded.standard_error[j], 1e-9);
  }
  EXPECT_ERROR(fit_logistic(covariates, std::vector<std::uint8_t>(8, 1)), DataError,
               "expected both responses, got only ones");
  EXPECT_ERROR(fit_logistic(covariates, std::vector<std::uint8_t>(7, 1)), ShapeError, "expected 8 responses");
  EXPECT_ERROR(fit_logistic(covariates, std::vector<std::uint8_t>{0, 1, 0, 2, 0, 0, 0, 1}), DataError,
               "got 2 at row 3");
  EXPECT_ERROR(fit_logistic(covariates, mixed, std::vector<double>(8, -1)), DataError, "finite weights >= 0");
}

TEST(SurvivalPropensity, WeightsAndBalance) {
  const std::vector<double> e = {0.2, 0.5, 0.8, 0.4};
  const std::vector<std::uint8_t> treatment = {0, 0, 1, 1};
  const std::vector<double> stabilised = treatment_weights(e, treatment);
  EXPECT_NEAR(stabilised[0], 0.5 / 0.8, 1e-15);
  EXPECT_NEAR(stabilised[3], 0.5 / 0.4, 1e-15);
  const std::vector<double> overlap = treatment_weights(e, treatment, {.kind = TreatmentWeight::kOverlap});
  EXPECT_EQ(overlap[0], 0.2);
  EXPECT_EQ(overlap[3], 0.6);
  const std::vector<double> cut = treatment_weights(e, treatment, {.truncate = 0.25});
  EXPECT_NEAR(*std::max_element(cut.begin(), cut.end()), 1.0625, 1e-12);
  CovariateMatrix covariates(4);
  covariates.add("x", std::vector<double>{1, 3, 2, 6});
  covariates.add("same", std::vector<double>(4, 2.));
  const BalanceReport report = balance_report(covariates, treatment, e, overlap);
  EXPECT_NEAR(report.rows[0].difference, 2 / std::sqrt((8 + 2) / 2.), 1e-12);
  EXPECT_NEAR(report.rows[0].weighted_mean_untreated, (0.2 * 1 + 0.5 * 3) / 0.7, 1e-12);
  EXPECT_EQ(report.rows[1].difference, 0);
  EXPECT_NEAR(report.effective_size_treated, 0.64 / (0.04 + 0.36), 1e-12);
  EXPECT_EQ(report.overlap_low, 0.4);
  EXPECT_EQ(report.overlap_high, 0.5);
  EXPECT_EQ(report.outside_overlap, 2);
  EXPECT_EQ(propensity_strata(std::vector<double>{0.1, 0.9, 0.5, 0.3, 0.7}, 5),
            (std::vector<std::int32_t>{0, 4, 2, 1, 3}));
  EXPECT_ERROR(treatment_weights(e, std::vector<std::uint8_t>(4, 1)), DataError, "got only treated ones");
  EXPECT_ERROR(treatment_weights(std::vector<double>{0, 1, 0.5, 0.5}, treatment), DataError,
               "between 0 and 1, got 0 at row 0");
  EXPECT_ERROR(treatment_weights(e, treatment, {.truncate = 0.5}), UsageError, "truncation quantile");
  EXPECT_ERROR(balance_report(CovariateMatrix(3), treatment, e, overlap), ShapeError, "expected 4 rows of covariates");
}

TEST(SurvivalPropensity, EValue) {
  EXPECT_EQ(e_value(1), 1);
  EXPECT_NEAR(e_value(2), e_value(0.5), 1e-12);
  // RR = (1 - 0.5^sqrt 2) / (1 - 0.5^(1 / sqrt 2)) = 1.6131.
  const double rr = (1 - std::pow(0.5, std::sqrt(2.))) / (1 - std::pow(0.5, std::sqrt(0.5)));
  EXPECT_NEAR(e_value(2), rr + std::sqrt(rr * (rr - 1)), 1e-12);
  EXPECT_ERROR(e_value(0), UsageError, "positive, finite hazard ratio, got 0");
}

}  // namespace
}  // namespace engram::survival
