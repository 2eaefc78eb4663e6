/// The models on the competition data and the simulated screen file, against R: screens gene by gene, forward
/// selection, the joint model, two-arm fits and cross-validation.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "models/survival/aft_model.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_fit.h"
#include "tests/support/deviation.h"
#include "tests/support/golden.h"
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

/// Columns: treatment, clinical variables, genes, products of gene and treatment.
struct GeneTable {
  SurvivalOutcome outcome;
  CovariateMatrix covariates{0};
  dim_t clinical = 0, genes = 0;

  dim_t treatment() const { return 0; }
  dim_t gene(dim_t g) const { return 1 + clinical + g; }
  dim_t product(dim_t g) const { return 1 + clinical + genes + g; }
  /// Treatment and clinical variables, and `more`.
  std::vector<dim_t> base_and(const std::vector<dim_t>& more = {}) const {
    std::vector<dim_t> columns;
    for (dim_t j = 0; j <= clinical; ++j) columns.push_back(j);
    columns.insert(columns.end(), more.begin(), more.end());
    return columns;
  }
};

void add_genes(GeneTable& table, const std::vector<std::string>& names, const std::vector<std::vector<double>>& genes,
               const std::vector<double>& treatment) {
  table.genes = dim_t(genes.size());
  for (std::size_t g = 0; g < genes.size(); ++g) table.covariates.add(names[g], genes[g]);
  for (std::size_t g = 0; g < genes.size(); ++g) {
    std::vector<double> product = genes[g];
    for (std::size_t i = 0; i < product.size(); ++i) product[i] *= treatment[i];
    table.covariates.add(names[g] + "xT", product);
  }
}

GeneTable hackathon_table() {
  const HackathonData data = load_hackathon();
  GeneTable table{.outcome = data.outcome, .covariates = CovariateMatrix(data.outcome.rows()), .clinical = 10};
  table.covariates.add("Treatment", data.treatment);
  for (std::size_t j = 0; j < 10; ++j) table.covariates.add(data.clinical.names[j], data.clinical.columns[j]);
  add_genes(table, data.genes.names, data.genes.columns, data.treatment);
  return table;
}

GeneTable simulated_table() {
  const SurvivalCase data = load_survival_case("sim_screen");
  GeneTable table{.outcome = data.outcome, .covariates = CovariateMatrix(data.outcome.rows()), .clinical = 3};
  std::vector<std::string> names;
  std::vector<std::vector<double>> genes;
  for (dim_t j = 0; j < data.covariates.columns(); ++j) {
    const auto column = data.covariates.column(j);
    if (j < 4) {
      table.covariates.add(data.covariates.names()[j], column);
    } else {
      names.push_back(data.covariates.names()[j]);
      genes.emplace_back(column.begin(), column.end());
    }
  }
  add_genes(table, names, genes,
            genes.empty() ? std::vector<double>()
                          : std::vector<double>(data.covariates.column(0).begin(), data.covariates.column(0).end()));
  return table;
}

void check_screen(const GeneTable& table, const std::string& file, CoxTies ties, Deviation& deviation) {
  const NumberTable golden = read_number_table("golden/" + file);
  const SurvivalDesign design(table.outcome, table.covariates);
  const CoxModel model(design, {.ties = ties, .newton = exact_newton()});
  CoxScratch scratch;
  std::vector<double> log10_p;
  for (dim_t g = 0; g < table.genes; ++g) {
    SCOPED_TRACE(file + " gene " + std::to_string(g + 1));
    const dim_t gene = table.gene(g), product = table.product(g), t = table.treatment();
    const auto at = [&](const char* name) { return golden.at(name)[std::size_t(g)]; };
    const auto compare = [&](const CoxFit& fit, std::size_t j, const char* coefficient, const char* error) {
      // R's answers to (nearly) separated genes mean nothing.
      if (std::abs(at(coefficient)) > 8 || at(error) > 50) return;
      const double se = at(error);
      EXPECT_LE(deviation.see("screen coefficient / error", std::abs(fit.table[j].coefficient - at(coefficient)) / se),
                1e-6)
          << coefficient;
      EXPECT_LE(deviation.see("screen error", relative_error(fit.table[j].standard_error, se)), 1e-6) << error;
    };
    const auto value = [&](const CoxFit& fit, const char* name) {
      EXPECT_LE(deviation.see("screen log-likelihood", relative_error(fit.status.loglik, at(name))), 1e-8) << name;
    };
    const CoxFit a = fit_cox(model, std::vector<dim_t>{gene});
    compare(a, 0, "A_coef", "A_se");
    value(a, "A_loglik");
    EXPECT_LE(relative_error(a.score.statistic, at("A_score")), 1e-7);
    log10_p.push_back(a.table[0].log10_p);
    EXPECT_NEAR(a.table[0].log10_p, std::log10(at("A_p")), 1e-6 * (1 + std::abs(a.table[0].log10_p)));
    const CoxFit b = fit_cox(model, std::vector<dim_t>{gene, t, product});
    compare(b, 0, "B_g", "B_se_g");
    compare(b, 1, "B_t", "B_se_t");
    compare(b, 2, "B_gt", "B_se_gt");
    value(b, "B_loglik");
    std::vector<dim_t> columns = table.base_and({gene});
    const CoxFit c0 = fit_cox(model, columns);
    compare(c0, columns.size() - 1, "C0_g", "C0_se_g");
    value(c0, "C0_loglik");
    columns.push_back(product);
    const CoxFit c = fit_cox(model, columns);
    compare(c, 0, "C_t", "C_se_t");
    compare(c, columns.size() - 2, "C_g", "C_se_g");
    compare(c, columns.size() - 1, "C_gt", "C_se_gt");
    value(c, "C_loglik");
    EXPECT_NEAR(2 * (c.status.loglik - c0.status.loglik), at("C_lrt_gt"), 1e-6);
    std::vector<double> null = c0.coefficients();
    null.push_back(0);
    const ChiSquareTest score = model.score_test(columns, null, dim_t(null.size()) - 1, scratch);
    EXPECT_EQ(score.df, 1);
    EXPECT_LE(deviation.see("screen score test", std::abs(score.statistic - at("C_score_gt"))), 1e-6);
  }
  const std::vector<double> adjusted = benjamini_hochberg(log10_p);
  for (dim_t g = 0; g < table.genes; ++g) {
    EXPECT_NEAR(adjusted[g], std::log10(golden.at("A_bh")[g]), 1e-6 * (1 + std::abs(adjusted[g])));
  }
}

TEST(SurvivalHackathon, ScreensGeneByGene) {
  Deviation deviation;
  const GeneTable simulated = simulated_table();
  check_screen(simulated, "screen_sim_efron.csv", CoxTies::kEfron, deviation);
  check_screen(simulated, "screen_sim_breslow.csv", CoxTies::kBreslow, deviation);
  check_screen(hackathon_table(), "screen_hackathon_efron.csv", CoxTies::kEfron, deviation);
}

/// Column of a term "G35" or "G35xT".
dim_t term_column(const GeneTable& table, const std::string& term) {
  const dim_t gene = std::stol(term.substr(1)) - 1;
  return term.back() == 'T' ? table.product(gene) : table.gene(gene);
}

/// The terms of a forward selection file, which the number table cannot hold.
std::vector<std::array<std::string, 2>> forward_terms(const std::string& file) {
  std::ifstream in(testing::golden_path("survival/golden/" + file));
  std::vector<std::array<std::string, 2>> terms;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> fields;
    std::istringstream fields_in(line);
    for (std::string field; std::getline(fields_in, field, ',');) fields.push_back(field);
    terms.push_back({fields[1], fields[4]});
  }
  return terms;
}

TEST(SurvivalHackathon, ForwardSelectionGains) {
  Deviation deviation;
  const GeneTable table = hackathon_table();
  std::vector<dim_t> positive;
  for (dim_t i = 0; i < table.outcome.rows(); ++i) {
    if (table.outcome.time[i] > 0) positive.push_back(i);
  }
  const SurvivalDesign all(table.outcome, table.covariates);
  const SurvivalDesign later(table.outcome.select(positive), table.covariates.select(positive));
  const CoxModel cox(all);
  const AftModel aft(later, {.distribution = AftDistribution::kLogLogistic});
  CoxScratch cox_scratch;
  AftScratch aft_scratch;
  for (bool use_aft : {false, true}) {
    const std::string file = use_aft ? "forward_hackathon_aft_loglogistic.csv" : "forward_hackathon_cox_efron.csv";
    const NumberTable golden = read_number_table("golden/" + file);
    const auto terms = forward_terms(file);
    std::vector<dim_t> columns = table.base_and();
    const auto loglik = [&](const std::vector<dim_t>& fitted) {
      return use_aft ? aft.fit(fitted, {}, aft_scratch).loglik : cox.fit(fitted, {}, cox_scratch).loglik;
    };
    double value = loglik(columns);
    for (std::size_t step = 0; step < terms.size(); ++step) {
      SCOPED_TRACE(file + " step " + std::to_string(step + 1));
      std::vector<dim_t> other = columns;
      other.push_back(term_column(table, terms[step][1]));
      columns.push_back(term_column(table, terms[step][0]));
      const double next = loglik(columns);
      EXPECT_LE(deviation.see("forward log-likelihood", relative_error(next, golden.at("loglik")[step])), 1e-8);
      EXPECT_NEAR(2 * (next - value), golden.at("lr")[step], 1e-4);
      EXPECT_NEAR(2 * (loglik(other) - value), golden.at("runner_up_lr")[step], 1e-4);
      value = next;
    }
  }
}

TEST(SurvivalHackathon, JointModel) {
  Deviation deviation;
  const json golden = read_golden("wrapper_hackathon.json");
  const GeneTable table = hackathon_table();
  const SurvivalDesign design(table.outcome, table.covariates);
  std::vector<dim_t> genes;
  for (dim_t g = 0; g < 300; ++g) genes.push_back(table.gene(g));
  const CoxFit fit = fit_cox(CoxModel(design, {.newton = exact_newton()}), table.base_and(genes));
  EXPECT_LE(deviation.see("joint log-likelihood",
                          relative_error(fit.status.loglik, golden["joint_cox_loglik"].get<double>())),
            1e-8);
  for (std::size_t g = 0; g < 300; ++g) {
    EXPECT_LE(
        deviation.see("joint z (absolute)", std::abs(fit.table[11 + g].z - golden["joint_cox_z"][g].get<double>())),
        1e-6);
  }
  const Concordance c = concordance(table.outcome, centered_linear_predictor(design, fit));
  EXPECT_NEAR(c.index, golden["joint_cox_concordance"].get<double>(), 1e-12);
}

TEST(SurvivalHackathon, TwoArmFits) {
  Deviation deviation;
  const GeneTable table = hackathon_table();
  for (const json& golden : read_golden("wrapper_hackathon.json")["rewards"]) {
    for (int arm : {0, 1}) {
      std::vector<dim_t> rows, columns;
      for (dim_t i = 0; i < 1000; ++i) {
        if (table.covariates.column(0)[i] == arm) rows.push_back(i);
      }
      for (const json& gene : golden["genes"]) columns.push_back(table.gene(gene.get<dim_t>() - 1));
      for (dim_t j = 1; golden["clinical"].get<bool>() && j <= 10; ++j) columns.push_back(j);
      const SurvivalDesign design(table.outcome.select(rows), table.covariates.select(rows));
      const CoxFit fit = fit_cox(CoxModel(design, {.newton = exact_newton()}), columns);
      const json& beta = golden[arm ? "beta_treated" : "beta_untreated"];
      for (std::size_t g = 0; g < beta.size(); ++g) {
        EXPECT_LE(
            deviation.see("two-arm coefficient / error",
                          std::abs(fit.table[g].coefficient - beta[g].get<double>()) / fit.table[g].standard_error),
            1e-7);
      }
      EXPECT_LE(relative_error(fit.status.loglik, golden[arm ? "loglik_treated" : "loglik_untreated"].get<double>()),
                1e-8);
    }
  }
}

TEST(SurvivalHackathon, CrossValidation) {
  Deviation deviation;
  const json golden = read_golden("wrapper_hackathon.json");
  const std::vector<std::pair<std::string, std::vector<dim_t>>> sets = {
      {"none", {}},
      {"inferred_key", {6, 33, 35, 88, 136, 161, 165, 193, 204, 221}},
      {"strongest5", {35, 193, 6, 88, 136}},
      {"screen_top10", {35, 193, 88, 6, 136, 221, 180, 161, 56, 53}},
      {"prognostic_291_300", {291, 292, 293, 294, 295, 296, 297, 298, 299, 300}},
      {"team_daechero_malgeum", {280, 88, 196, 111, 180, 284, 35, 156, 137, 74}},
      {"team_uihakeuhak", {211, 179, 80, 27, 147, 139, 242, 264, 290, 130}}};
  const GeneTable table = hackathon_table();
  const SurvivalDesign all(table.outcome, table.covariates);
  std::vector<std::vector<dim_t>> train(5), held(5);
  for (dim_t i = 0; i < 1000; ++i)
    for (dim_t f = 0; f < 5; ++f) (i % 5 == f ? held : train)[std::size_t(f)].push_back(i);
  std::vector<std::unique_ptr<SurvivalDesign>> designs;
  for (const auto& rows : train) {
    designs.push_back(std::make_unique<SurvivalDesign>(table.outcome.select(rows), table.covariates.select(rows)));
  }
  CoxScratch scratch;
  for (const auto& [name, genes] : sets) {
    SCOPED_TRACE(name);
    const json& expected = golden["cv"][name];
    std::vector<dim_t> products;
    for (dim_t gene : genes) products.push_back(table.product(gene - 1));
    const std::vector<dim_t> columns = table.base_and(products);
    double cvpl = 0;
    for (std::size_t f = 0; f < 5; ++f) {
      const CoxModel model(*designs[f]);
      const FitStatus status = model.fit(columns, {}, scratch);
      const std::vector<double> beta(scratch.coefficients().begin(), scratch.coefficients().end());
      cvpl += CoxModel(all).loglik(columns, beta, scratch) - status.loglik;
      std::vector<double> risk(1000, 0.), held_risk;
      for (std::size_t j = 0; j < columns.size(); ++j)
        for (dim_t i = 0; i < 1000; ++i) risk[i] += beta[j] * table.covariates.column(columns[j])[i];
      for (dim_t i : held[f]) held_risk.push_back(risk[std::size_t(i)]);
      const Concordance c = concordance(table.outcome.select(held[f]), held_risk);
      EXPECT_NEAR(c.index, expected["fold_c"][f].get<double>(), 1e-12);
    }
    EXPECT_LE(deviation.see("cross-validated partial likelihood", relative_error(cvpl, expected["cvpl"].get<double>())),
              1e-6);
  }
}

}  // namespace
}  // namespace engram::survival
