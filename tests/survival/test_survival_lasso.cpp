/// Elastic-net Cox paths against glmnet's, against Newton, and against their own optimality conditions.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "models/survival/cox_fit.h"
#include "models/survival/lasso_cox.h"
#include "tests/support/deviation.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/random_survival.h"
#include "tests/support/survival_cases.h"

namespace engram::survival {
namespace {

using ::engram::testing::at_thread_counts;
using ::engram::testing::Deviation;
using ::engram::testing::load_survival_case;
using ::engram::testing::random_survival;
using ::engram::testing::read_golden;
using ::engram::testing::relative_error;
using ::engram::testing::survival_arrangements;
using ::engram::testing::SurvivalCase;
using nlohmann::json;

/// The simulated screen file with every gene's product with treatment behind the genes.
SurvivalCase screen_case() {
  SurvivalCase data = load_survival_case("sim_screen");
  const CovariateMatrix original = data.covariates;
  for (dim_t j = 4; j < original.columns(); ++j) {
    std::vector<double> product(original.column(j).begin(), original.column(j).end());
    for (std::size_t i = 0; i < product.size(); ++i) product[i] *= original.column(0)[i];
    data.covariates.add(original.names()[j] + "xT", product);
  }
  return data;
}

TEST(SurvivalLasso, PathsMatchGlmnet) {
  Deviation deviation;
  for (const std::string name : {"veteran", "ovarian", "gbsg_rescaled", "pbc_all_rescaled", "sim_screen"}) {
    for (const std::string alpha : {"1", "0.5"}) {
      if (name == "sim_screen" && alpha != "1") continue;
      SCOPED_TRACE(name + " alpha " + alpha);
      const json golden = read_golden("glmnet_" + name + "_alpha" + alpha + ".json");
      const SurvivalCase data =
          name == "sim_screen" ? screen_case() : load_survival_case(name.substr(0, name.find("_rescaled")));
      const SurvivalDesign design(data.outcome, data.covariates);
      ASSERT_EQ(dim_t(golden["covariates"].size()), design.columns());
      LassoOptions options{.alpha = golden["alpha"].get<double>(),
                           .penalty_factor = golden["penalty_factor"].get<std::vector<double>>(),
                           .num_lambda = 20,
                           .lambda_min_ratio = 0.02,
                           .tolerance = 1e-14};
      const LassoPath own = lasso_cox(design, design.all_columns(), options);
      options.lambda = golden["lambda"].get<std::vector<double>>();
      for (std::size_t s = 0; s < options.lambda.size(); ++s) {
        EXPECT_LE(deviation.see("lambda", relative_error(own.steps[s].lambda, options.lambda[s])), 1e-7) << s;
      }
      const LassoPath path = lasso_cox(design, design.all_columns(), options);
      EXPECT_TRUE(path.converged);
      EXPECT_LE(deviation.see("null deviance", relative_error(path.null_deviance, golden["nulldev"].get<double>())),
                1e-10);
      ASSERT_EQ(path.steps.size(), options.lambda.size());
      for (std::size_t s = 0; s < path.steps.size(); ++s) {
        std::vector<double> expected(std::size_t(design.columns()), 0.);
        const json& beta = golden["beta"][s];
        for (std::size_t i = 0; i < beta["index0"].size(); ++i) {
          expected[beta["index0"][i].get<std::size_t>()] = beta["value"][i].get<double>();
        }
        const std::vector<double> got = path.dense(dim_t(s));
        for (dim_t j = 0; j < design.columns(); ++j) {
          const double error = std::abs(got[j] - expected[j]) * design.scale(j);
          EXPECT_LE(deviation.see("coefficient (absolute, standardised)", error), 1e-5)
              << design.names()[j] << " at step " << s;
        }
        EXPECT_LE(deviation.see("deviance ratio (absolute)",
                                std::abs(path.steps[s].deviance_ratio - golden["dev_ratio"][s].get<double>())),
                  1e-6);
      }
    }
  }
}

TEST(SurvivalLasso, GlmnetsOwnTiesDeviateByTheRiskSetsThatItLoses) {
  // With times above about 200 glmnet takes some patients who are censored at a time of death out of its risk set (see
  // make_golden_glmnet.R); the stored paths of the times as they are differ by what that changes, and no more.
  for (const std::string name : {"gbsg", "pbc_all"}) {
    for (const std::string alpha : {"1", "0.5"}) {
      const json golden = read_golden("glmnet_" + name + "_alpha" + alpha + ".json");
      const SurvivalCase data = load_survival_case(name);
      const SurvivalDesign design(data.outcome, data.covariates);
      const LassoPath path = lasso_cox(design, design.all_columns(),
                                       {.alpha = golden["alpha"].get<double>(),
                                        .lambda = golden["lambda"].get<std::vector<double>>(),
                                        .tolerance = 1e-14});
      EXPECT_LE(relative_error(path.null_deviance, golden["nulldev"].get<double>()), 1e-4);
      for (std::size_t s = 0; s < path.steps.size(); ++s) {
        EXPECT_NEAR(path.steps[s].deviance_ratio, golden["dev_ratio"][s].get<double>(), 1e-4);
        const std::vector<double> got = path.dense(dim_t(s));
        const json& beta = golden["beta"][s];
        for (std::size_t i = 0; i < beta["index0"].size(); ++i) {
          const auto j = beta["index0"][i].get<std::size_t>();
          EXPECT_NEAR(got[j] * design.scale(dim_t(j)), beta["value"][i].get<double>() * design.scale(dim_t(j)), 1e-3);
        }
      }
    }
  }
}

TEST(SurvivalLasso, VanishingPenaltyGivesTheNewtonFit) {
  for (auto options : survival_arrangements()) {
    if (options.columns > 9 || options.distinct_times == 1) continue;
    options.rows *= 3;
    SCOPED_TRACE(options.seed);
    const auto data = random_survival(options);
    const SurvivalDesign design(data.outcome, data.covariates);
    const CoxFit newton =
        fit_cox(CoxModel(design, {.ties = CoxTies::kBreslow, .newton = exact_newton()}), design.all_columns());
    const LassoPath path = lasso_cox(design, design.all_columns(), {.lambda = {1e-3, 1e-6, 0}, .tolerance = 1e-18});
    ASSERT_EQ(path.steps.size(), 3u);
    const std::vector<double> beta = path.dense(2);
    for (dim_t j = 0; j < design.columns(); ++j) {
      EXPECT_NEAR(beta[j] * design.scale(j), newton.table[j].coefficient * design.scale(j), 1e-7) << j;
    }
    EXPECT_NEAR(path.steps[2].loglik, newton.status.loglik, 1e-9 * std::abs(newton.status.loglik));
    EXPECT_NEAR(path.loglik_null, newton.loglik_null, 1e-12 * std::abs(newton.loglik_null));
  }
}

TEST(SurvivalLasso, StepsSatisfyTheOptimalityConditions) {
  for (double alpha : {1., 0.4}) {
    const auto data = random_survival({.rows = 120, .columns = 60, .seed = 3, .distinct_times = 30, .weights = true});
    const SurvivalDesign design(data.outcome, data.covariates);
    std::vector<double> factor(60, 1.);
    factor[0] = 0;
    factor[7] = 3;
    const LassoPath path = lasso_cox(design, design.all_columns(),
                                     {.alpha = alpha, .penalty_factor = factor, .num_lambda = 15, .tolerance = 1e-14});
    const double rescale = 60. / (58 + 3);
    const double n = std::accumulate(data.outcome.weight.begin(), data.outcome.weight.end(), 0.);
    const CoxModel model(design, {.ties = CoxTies::kBreslow});
    CoxScratch scratch;
    for (dim_t s = 0; s < dim_t(path.steps.size()); ++s) {
      const std::vector<double> beta = path.dense(s);
      std::vector<double> score(60);
      model.derivatives(design.all_columns(), beta, score, {}, scratch);
      for (dim_t j = 0; j < 60; ++j) {
        const double gradient = score[j] / design.scale(j) / n, b = beta[j] * design.scale(j);
        const double l1 = path.steps[s].lambda * alpha * factor[j] * rescale;
        const double l2 = path.steps[s].lambda * (1 - alpha) * factor[j] * rescale;
        if (b == 0) {
          EXPECT_LE(std::abs(gradient), l1 * (1 + 1e-6) + 1e-9) << s << " " << j;
        } else {
          EXPECT_NEAR(gradient, std::copysign(l1, b) + l2 * b, 1e-6) << s << " " << j;
        }
      }
    }
  }
}

TEST(SurvivalLasso, ConstantAndDuplicateColumnsAreHarmless) {
  const auto random = random_survival({.rows = 60, .columns = 3, .seed = 5});
  CovariateMatrix covariates = random.covariates;
  covariates.add("constant", std::vector<double>(60, 4.));
  covariates.add("twin", covariates.column(0));
  const SurvivalDesign design(random.outcome, covariates);
  const LassoPath path = lasso_cox(design, design.all_columns(), {.num_lambda = 10});
  EXPECT_TRUE(path.converged);
  for (dim_t s = 0; s < 10; ++s) {
    EXPECT_EQ(path.dense(s)[3], 0);
    for (double b : path.dense(s)) EXPECT_TRUE(std::isfinite(b));
  }
}

TEST(SurvivalLasso, StopsAtTheWantedNumberOfTerms) {
  const auto data = random_survival({.rows = 100, .columns = 30, .seed = 6});
  const SurvivalDesign design(data.outcome, data.covariates);
  const LassoPath path = lasso_cox(design, design.all_columns(), {.max_terms = 5});
  EXPECT_GT(path.steps.back().column.size(), 5u);
  EXPECT_LE(path.steps[path.steps.size() - 2].column.size(), 5u);
}

TEST(SurvivalLasso, CrossValidation) {
  const auto data = random_survival({.rows = 150, .columns = 12, .seed = 7, .distinct_times = 40});
  const LassoCvOptions options{.lasso = {.num_lambda = 25}, .folds = 5, .seed = 11};
  const auto runs = at_thread_counts([&] { return lasso_cox_cv(data.outcome, data.covariates, options); });
  const LassoCv& cv = runs[0];
  for (const LassoCv& other : runs) {
    EXPECT_EQ(other.mean, cv.mean);
    EXPECT_EQ(other.standard_error, cv.standard_error);
  }
  ASSERT_EQ(cv.mean.size(), 25u);
  EXPECT_LE(cv.index_1se, cv.index_min);
  EXPECT_LT(cv.mean[std::size_t(cv.index_min)], cv.mean[0]) << "two columns matter";

  // The definition, for one lambda, from fits of its own.
  std::vector<std::int32_t> fold_of;
  for (dim_t i = 0; i < 150; ++i) fold_of.push_back(std::int32_t(i % 3));
  LassoCvOptions fixed{.lasso = {.num_lambda = 8}, .folds = 3, .fold_of = fold_of};
  const LassoCv given = lasso_cox_cv(data.outcome, data.covariates, fixed);
  const SurvivalDesign all(data.outcome, data.covariates);
  double sum = 0, events = 0;
  for (int f = 0; f < 3; ++f) {
    std::vector<dim_t> kept;
    for (dim_t i = 0; i < 150; ++i) {
      if (i % 3 != f) kept.push_back(i);
      if (i % 3 == f) events += data.outcome.event[i];
    }
    const SurvivalDesign training(data.outcome.select(kept), data.covariates.select(kept));
    LassoOptions lambdas = fixed.lasso;
    for (const LassoStep& step : given.path.steps) lambdas.lambda.push_back(step.lambda);
    const std::vector<double> beta = lasso_cox(training, training.all_columns(), lambdas).dense(6);
    CoxScratch scratch;
    const CoxOptions breslow{.ties = CoxTies::kBreslow};
    sum -= 2 * (CoxModel(all, breslow).loglik(all.all_columns(), beta, scratch) -
                CoxModel(training, breslow).loglik(all.all_columns(), beta, scratch));
  }
  EXPECT_NEAR(given.mean[6], sum / events, 1e-9 * given.mean[6]);
}

TEST(SurvivalLasso, BadOptionsAreRefused) {
  const auto data = random_survival({.rows = 30, .columns = 2});
  const SurvivalDesign design(data.outcome, data.covariates);
  const auto fit = [&](const LassoOptions& options) { lasso_cox(design, design.all_columns(), options); };
  EXPECT_ERROR(fit({.alpha = 1.5}), UsageError, "alpha in [0, 1], got 1.5");
  EXPECT_ERROR(fit({.penalty_factor = {1}}), UsageError, "expected 2 penalty factors");
  EXPECT_ERROR(fit({.penalty_factor = {0, 0}}), UsageError, "penalty factor above 0");
  EXPECT_ERROR(fit({.penalty_factor = {1, -1}}), UsageError, "penalty factors >= 0, got -1");
  EXPECT_ERROR(fit({.num_lambda = 0}), UsageError, "at least 1 lambda");
  EXPECT_ERROR(fit({.lambda_min_ratio = 1}), UsageError, "smallest lambda ratio");
  EXPECT_ERROR(fit({.lambda = {0.1, 0.2}}), UsageError, "descending lambdas");
  EXPECT_ERROR(fit({.tolerance = 0}), UsageError, "tolerance above 0");
  SurvivalOutcome censored = data.outcome;
  censored.event.assign(30, 0);
  const SurvivalDesign no_events(censored, data.covariates);
  EXPECT_ERROR(lasso_cox(no_events, no_events.all_columns()), UsageError, "at least one event, got none");
  const auto cv = [&](const LassoCvOptions& options) { lasso_cox_cv(data.outcome, data.covariates, options); };
  EXPECT_ERROR(cv({.folds = 1}), UsageError, "at least 2 folds");
  EXPECT_ERROR(cv({.folds = 29}), UsageError, "events in every fold");
  EXPECT_ERROR(cv({.folds = 3, .fold_of = {1}}), ShapeError, "expected 30 fold numbers");
  EXPECT_ERROR(cv({.folds = 3, .fold_of = std::vector<std::int32_t>(30, 3)}), UsageError, "folds in 0 to 2, got 3");
}

}  // namespace
}  // namespace engram::survival
