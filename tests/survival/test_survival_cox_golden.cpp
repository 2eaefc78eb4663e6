/// Cox regression against R's survival package on its data sets: tables, tests, residuals, hazards.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "models/survival/cox_fit.h"
#include "models/survival/cox_residuals.h"
#include "tests/support/deviation.h"
#include "tests/support/survival_cases.h"

namespace engram::survival {
namespace {

using ::engram::testing::Deviation;
using ::engram::testing::load_survival_case;
using ::engram::testing::read_golden;
using ::engram::testing::relative_error;
using ::engram::testing::SurvivalCase;
using nlohmann::json;

const char* const kCases[] = {"aml",
                              "lung3",
                              "lung6",
                              "veteran",
                              "veteran_strata",
                              "ovarian",
                              "colon_death",
                              "colon_interaction",
                              "pbc5",
                              "pbc_all",
                              "gbsg",
                              "rotterdam",
                              "nwtco",
                              "flchain",
                              "mgus2",
                              "heart_startstop",
                              "diabetic_cluster",
                              "rotterdam_iptw"};

struct Fitted {
  SurvivalCase data;
  json golden;
  std::unique_ptr<SurvivalDesign> design;
  std::unique_ptr<CoxModel> model;
  CoxFit fit;
};

Fitted fit_case(const std::string& name, CoxTies ties) {
  Fitted f{.data = load_survival_case(name),
           .golden = read_golden("cox_" + name + (ties == CoxTies::kEfron ? "_efron" : "_breslow") + ".json"),
           .design = nullptr,
           .model = nullptr,
           .fit = {}};
  f.design = std::make_unique<SurvivalDesign>(f.data.outcome, f.data.covariates);
  f.model = std::make_unique<CoxModel>(*f.design, CoxOptions{.ties = ties, .newton = exact_newton()});
  const bool robust = f.golden.contains("robust_se") && !f.golden["robust_se"].is_null();
  f.fit = fit_cox(*f.model, f.design->all_columns(), {.enabled = robust, .cluster = f.data.cluster});
  return f;
}

TEST(SurvivalCoxGolden, TablesAndTests) {
  Deviation deviation;
  for (const std::string name : kCases) {
    const double tolerance = name == "flchain" || name == "nwtco" || name == "pbc_all" ? 1e-6 : 1e-7;
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      SCOPED_TRACE(name + (ties == CoxTies::kEfron ? " efron" : " breslow"));
      const Fitted f = fit_case(name, ties);
      const json& golden = f.golden;
      const CoxFit& fit = f.fit;
      EXPECT_TRUE(fit.status.converged);
      EXPECT_EQ(fit.status.num_aliased, 0);
      EXPECT_EQ(fit.status.num_infinite, 0);
      EXPECT_EQ(fit.rows, golden["n"].get<dim_t>());
      EXPECT_EQ(fit.num_events, golden["nevent"].get<dim_t>());
      const auto k = fit.table.size();
      ASSERT_EQ(k, golden["coef"].size());
      for (std::size_t j = 0; j < k; ++j) {
        const double coefficient = relative_error(fit.table[j].coefficient, golden["coef"][j].get<double>());
        const double model_se = std::sqrt(fit.covariance[j * k + j]);
        const double se = relative_error(model_se, golden["se"][j].get<double>());
        EXPECT_LE(coefficient, tolerance) << fit.table[j].name;
        EXPECT_LE(se, tolerance) << fit.table[j].name;
        deviation.see("coefficient", coefficient);
        deviation.see("standard error", se);
        for (std::size_t i = 0; i < k; ++i) {
          const double covariance = golden["vcov"][j][i].get<double>();
          EXPECT_NEAR(fit.covariance[j * k + i], covariance, 1e-6 * model_se * std::sqrt(fit.covariance[i * k + i]));
        }
        if (!fit.robust_covariance.empty()) {
          const double robust = relative_error(fit.table[j].standard_error, golden["robust_se"][j].get<double>());
          EXPECT_LE(robust, 1e-6) << fit.table[j].name;
          deviation.see("robust standard error", robust);
        }
      }
      const double loglik = relative_error(fit.status.loglik, golden["loglik"].get<double>());
      const double loglik_null = relative_error(fit.loglik_null, golden["loglik_null"].get<double>());
      EXPECT_LE(loglik, 1e-8);
      EXPECT_LE(loglik_null, 1e-8);
      deviation.see("log-likelihood", std::max(loglik, loglik_null));
      EXPECT_LE(relative_error(fit.score.statistic, golden["score_test"].get<double>()), 1e-6);
      EXPECT_LE(relative_error(fit.likelihood_ratio.statistic, golden["lr_test"].get<double>()), 1e-6);
      EXPECT_LE(relative_error(fit.wald.statistic, golden["wald_test"].get<double>()), 1e-6);
      deviation.see("score test", relative_error(fit.score.statistic, golden["score_test"].get<double>()));
      deviation.see("Wald test", relative_error(fit.wald.statistic, golden["wald_test"].get<double>()));
    }
  }
}

TEST(SurvivalCoxGolden, ResidualsMeansAndHazards) {
  Deviation deviation;
  for (const std::string name : kCases) {
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      SCOPED_TRACE(name + (ties == CoxTies::kEfron ? " efron" : " breslow"));
      const Fitted f = fit_case(name, ties);
      const json& golden = f.golden;
      const std::vector<double> residuals = martingale_residuals(*f.model, f.fit);
      const std::vector<double> predictor = centered_linear_predictor(*f.design, f.fit);
      for (std::size_t i = 0; i < golden["martingale_head"].size(); ++i) {
        const double error = std::abs(residuals[i] - golden["martingale_head"][i].get<double>());
        EXPECT_LE(error, 1e-7) << i;
        deviation.see("martingale residual (absolute)", error);
        EXPECT_NEAR(predictor[i], golden["lp_centered_head"][i].get<double>(), 1e-6) << i;
      }
      for (std::size_t j = 0; j < golden["means"].size(); ++j) {
        EXPECT_NEAR(f.design->reported_mean(dim_t(j)), golden["means"][j].get<double>(),
                    1e-12 * (1 + std::abs(f.design->reported_mean(dim_t(j)))));
      }
      if (!golden.contains("basehaz_time")) continue;
      const std::vector<BaselineHazard> hazard = baseline_hazard(*f.model, f.fit);
      ASSERT_EQ(hazard.size(), 1u);
      for (std::size_t i = 0; i < golden["basehaz_time"].size(); ++i) {
        const double time = golden["basehaz_time"][i].get<double>();
        const auto after = std::upper_bound(hazard[0].time.begin(), hazard[0].time.end(), time);
        const double cumulative =
            after == hazard[0].time.begin() ? 0 : hazard[0].cumulative[after - hazard[0].time.begin() - 1];
        const double error = relative_error(cumulative, golden["basehaz_cumhaz_at_x0"][i].get<double>());
        EXPECT_LE(error, 1e-6) << time;
        deviation.see("baseline hazard", error);
      }
    }
  }
}

}  // namespace
}  // namespace engram::survival
