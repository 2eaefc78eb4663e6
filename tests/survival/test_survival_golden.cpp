/// Accelerated failure time models, concordance, Kaplan-Meier and propensity against R's results.

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_fit.h"
#include "models/survival/kaplan_meier.h"
#include "models/survival/propensity.h"
#include "tests/support/deviation.h"
#include "tests/support/survival_cases.h"

namespace engram::survival {
namespace {

using ::engram::testing::Deviation;
using ::engram::testing::HackathonData;
using ::engram::testing::load_hackathon;
using ::engram::testing::load_survival_case;
using ::engram::testing::NumberTable;
using ::engram::testing::read_golden;
using ::engram::testing::read_number_table;
using ::engram::testing::relative_error;
using ::engram::testing::SurvivalCase;
using nlohmann::json;

/// Treatment, clinical variables and the ten products of the inferred key, on the rows with a positive time.
SurvivalCase hackathon_key_case() {
  const HackathonData data = load_hackathon();
  CovariateMatrix covariates(data.outcome.rows());
  covariates.add("Treatment", data.treatment);
  for (std::size_t j = 0; j < data.clinical.names.size(); ++j) {
    covariates.add(data.clinical.names[j], data.clinical.columns[j]);
  }
  for (int gene : {6, 33, 35, 88, 136, 161, 165, 193, 204, 221}) {
    const std::string name = "G" + std::to_string(gene);
    std::vector<double> product = data.genes.at(name);
    for (std::size_t i = 0; i < product.size(); ++i) product[i] *= data.treatment[i];
    covariates.add(name + "xT", product);
  }
  std::vector<dim_t> rows;
  for (dim_t i = 0; i < data.outcome.rows(); ++i) {
    if (data.outcome.time[i] > 0) rows.push_back(i);
  }
  return {.outcome = data.outcome.select(rows), .covariates = covariates.select(rows), .cluster = {}};
}

TEST(SurvivalGolden, AftModels) {
  Deviation deviation;
  for (const std::string name : {"aml", "lung3", "veteran", "ovarian", "hackathon_key"}) {
    const SurvivalCase data = name == "hackathon_key" ? hackathon_key_case() : load_survival_case(name);
    const SurvivalDesign design(data.outcome, data.covariates);
    for (const char* distribution : {"weibull", "lognormal", "loglogistic"}) {
      SCOPED_TRACE(name + " " + distribution);
      const json golden = read_golden("aft_" + name + "_" + distribution + ".json");
      const AftModel model(design, {.distribution = parse_distribution(distribution), .newton = exact_newton()});
      const AftFit fit = fit_aft(model, design.all_columns());
      EXPECT_TRUE(fit.status.converged);
      EXPECT_EQ(fit.names.size(), golden["terms"].size() + 1);
      for (std::size_t j = 0; j < golden["coef"].size(); ++j) {
        EXPECT_EQ(fit.names[j], golden["terms"][j].get<std::string>());
        const double error = relative_error(fit.estimate[j], golden["coef"][j].get<double>());
        EXPECT_LE(deviation.see("coefficient", error), 1e-7) << fit.names[j];
      }
      for (std::size_t j = 0; j < fit.names.size(); ++j) {
        const double error = relative_error(fit.standard_error[j], golden["se_with_log_scale"][j].get<double>());
        EXPECT_LE(deviation.see("standard error", error), 1e-7) << fit.names[j];
      }
      EXPECT_LE(deviation.see("scale", relative_error(fit.scale, golden["scale"].get<double>())), 1e-7);
      EXPECT_LE(deviation.see("log-likelihood", relative_error(fit.status.loglik, golden["loglik"].get<double>())),
                1e-8);
      EXPECT_LE(relative_error(fit.loglik_intercept_only, golden["loglik_intercept_only"].get<double>()), 1e-8);
    }
  }
}

TEST(SurvivalGolden, Concordance) {
  Deviation deviation;
  const NumberTable index = read_number_table("golden/index.csv");
  for (const std::string name : {"aml", "lung3", "lung6", "veteran", "veteran_strata", "ovarian", "colon_death",
                                 "colon_interaction", "pbc5", "pbc_all", "gbsg", "rotterdam", "nwtco", "flchain",
                                 "mgus2", "heart_startstop", "diabetic_cluster", "rotterdam_iptw"}) {
    for (CoxTies ties : {CoxTies::kEfron, CoxTies::kBreslow}) {
      SCOPED_TRACE(name + (ties == CoxTies::kEfron ? " efron" : " breslow"));
      const SurvivalCase data = load_survival_case(name);
      const json golden = read_golden("cox_" + name + (ties == CoxTies::kEfron ? "_efron.json" : "_breslow.json"));
      const SurvivalDesign design(data.outcome, data.covariates);
      const CoxFit fit = fit_cox(CoxModel(design, {.ties = ties, .newton = exact_newton()}), design.all_columns());
      const std::vector<double> risk = centered_linear_predictor(design, fit);
      const Concordance c = concordance(data.outcome, risk, {.standard_error = true, .cluster = data.cluster});
      const json& pairs = golden["pairs"];
      const bool weighted = !data.outcome.weight.empty();
      // In this case R's predictor differs in the last bit between patients with equal covariates, so that it counts 4
      // tied pairs as discordant; 1770 pairs have equal covariates.
      const bool rounded_in_r = name == "nwtco" && ties == CoxTies::kBreslow;
      if (rounded_in_r) {
        EXPECT_EQ(c.concordant, pairs["concordant"].get<double>());
        EXPECT_EQ(c.discordant, pairs["discordant"].get<double>() - 4);
        EXPECT_EQ(c.tied_risk, 1770);
        EXPECT_LE(relative_error(c.index, golden["concordance"].get<double>()), 4 / c.comparable());
        continue;
      }
      const double expected[] = {pairs["concordant"].get<double>(), pairs["discordant"].get<double>(),
                                 pairs["tied.x"].get<double>(), pairs["tied.y"].get<double>(),
                                 pairs["tied.xy"].get<double>()};
      const double got[] = {c.concordant, c.discordant, c.tied_risk, c.tied_time, c.tied_both};
      for (int k = 0; k < 5; ++k) {
        if (weighted) {
          EXPECT_LE(deviation.see("weighted pair count", relative_error(got[k], expected[k])), 1e-10) << k;
        } else {
          EXPECT_EQ(got[k], expected[k]) << k;
        }
      }
      EXPECT_LE(deviation.see("index", relative_error(c.index, golden["concordance"].get<double>())), 1e-12);
      EXPECT_LE(
          deviation.see("standard error", relative_error(c.standard_error, golden["concordance_se"].get<double>())),
          1e-7);
      if (!golden.contains("uno_c")) continue;
      EXPECT_LE(relative_error(c.index, golden["harrell_c"].get<double>()), 1e-14);
      const Concordance uno = concordance(data.outcome, risk, {.weight = PairWeight::kUno});
      EXPECT_LE(deviation.see("Uno", relative_error(uno.index, golden["uno_c"].get<double>())), 1e-10);
    }
  }
}

TEST(SurvivalGolden, KaplanMeier) {
  Deviation deviation;
  for (const std::string name : {"aml", "lung3", "veteran"}) {
    SCOPED_TRACE(name);
    const NumberTable golden = read_number_table("golden/km_" + name + ".csv");
    const SurvivalOutcome outcome = load_survival_case(name).outcome;
    const SurvivalCurve curve = kaplan_meier(outcome), censoring = censoring_curve(outcome);
    ASSERT_EQ(curve.time, golden.at("time"));
    EXPECT_EQ(curve.at_risk, golden.at("n_risk"));
    EXPECT_EQ(curve.events, golden.at("n_event"));
    EXPECT_EQ(curve.censored, golden.at("n_censor"));
    for (std::size_t k = 0; k < curve.time.size(); ++k) {
      EXPECT_LE(deviation.see("survival (absolute)", std::abs(curve.survival[k] - golden.at("surv")[k])), 1e-13);
      EXPECT_LE(deviation.see("censoring (absolute)", std::abs(censoring.survival[k] - golden.at("cens_surv")[k])),
                1e-13);
      if (curve.survival[k] > 0) {
        EXPECT_LE(deviation.see("standard error", relative_error(curve.standard_error[k], golden.at("std_err")[k])),
                  1e-10);
      } else {
        EXPECT_EQ(curve.standard_error[k], curve.standard_error[k - 1]) << "R says infinite";
      }
    }
  }
}

TEST(SurvivalGolden, Propensity) {
  Deviation deviation;
  const json golden = read_golden("propensity_rotterdam.json");
  const SurvivalCase data = load_survival_case("rotterdam");
  CovariateMatrix covariates(data.outcome.rows());
  std::vector<std::uint8_t> treatment;
  for (const auto& term : golden["terms"]) {
    for (dim_t j = 0; j < data.covariates.columns(); ++j) {
      if (data.covariates.names()[j] == term.get<std::string>()) covariates.add(term, data.covariates.column(j));
      if (data.covariates.names()[j] == "hormon" && treatment.empty()) {
        for (double v : data.covariates.column(j)) treatment.push_back(v == 1);
      }
    }
  }
  const LogisticFit fit = fit_logistic(covariates, treatment, {}, exact_newton());
  ASSERT_EQ(fit.estimate.size(), golden["coef"].size());
  for (std::size_t j = 0; j < fit.estimate.size(); ++j) {
    EXPECT_EQ(fit.names[j], golden["terms"][j].get<std::string>());
    EXPECT_LE(deviation.see("coefficient", relative_error(fit.estimate[j], golden["coef"][j].get<double>())), 1e-7);
    // R's glm keeps the working weights of its last step but one, which shows in the last digits.
    EXPECT_LE(deviation.see("standard error", relative_error(fit.standard_error[j], golden["se"][j].get<double>())),
              1e-7);
  }
  EXPECT_LE(deviation.see("log-likelihood", relative_error(fit.status.loglik, golden["loglik"].get<double>())), 1e-8);
  for (std::size_t i = 0; i < golden["ps_head"].size(); ++i) {
    EXPECT_LE(deviation.see("propensity", relative_error(fit.probability[i], golden["ps_head"][i].get<double>())),
              1e-9);
  }
  const std::vector<double> weights = treatment_weights(fit.probability, treatment);
  const std::vector<double> stored = load_survival_case("rotterdam_iptw").outcome.weight;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_LE(deviation.see("stabilised weight", relative_error(weights[i], stored[i])), 1e-9);
  }
  const BalanceReport report = balance_report(covariates, treatment, fit.probability, weights);
  EXPECT_LE(relative_error(report.sum_weight, golden["weight_sum"].get<double>()), 1e-9);
  EXPECT_LE(relative_error(report.max_weight, golden["weight_max"].get<double>()), 1e-9);
  EXPECT_LE(relative_error(report.effective_size, golden["ess"].get<double>()), 1e-9);
}

}  // namespace
}  // namespace engram::survival
