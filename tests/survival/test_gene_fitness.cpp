/// Subset fitness and forward selection against R's results on the competition data (tests/golden/survival).

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "models/genes/fitness/arm_contrast.h"
#include "models/genes/fitness/held_out.h"
#include "models/genes/fitness/likelihood_gain.h"
#include "models/genes/forward_terms.h"
#include "models/genes/search/climb.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/sanitized.h"

namespace engram::genes {
namespace {

using testing::competition;
using Json = nlohmann::json;
using engram::testing::sample_size;

const Json& wrapper_golden() {
  static const Json golden = Json::parse(std::ifstream(testing::golden_path("survival/golden/wrapper_hackathon.json")));
  return golden;
}

std::vector<dim_t> columns(const std::vector<int>& one_based) {
  std::vector<dim_t> genes;
  for (int gene : one_based) genes.push_back(gene - 1);
  return genes;
}

GeneSet all_of(std::size_t count) {
  GeneSet set;
  for (std::size_t i = 0; i < count; ++i) set.insert(int(i));
  return set;
}

/// Columns of one line of a golden trace.
struct TraceStep {
  std::string term, runner_up;
  double gain, loglik, runner_up_gain;
};

std::vector<TraceStep> trace(const std::string& file) {
  std::ifstream in(testing::golden_path("survival/golden/" + file));
  std::string line, cell;
  std::getline(in, line);
  std::vector<TraceStep> steps;
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::vector<std::string> c;
    while (std::getline(cells, cell, ',')) c.push_back(cell);
    steps.push_back({c[1], c[4], std::stod(c[2]), std::stod(c[3]), std::stod(c[5])});
  }
  return steps;
}

/// "G35" or "G35xT".
std::string term_name(const Cohort& cohort, dim_t gene, bool product) {
  return cohort.gene_names[std::size_t(gene)] + (product ? "xT" : "");
}

/// Runs the first `steps` steps over all 600 terms and compares them with R's.
void expect_trace(const Cohort& cohort, Likelihood likelihood, const std::string& file, int steps) {
  std::vector<dim_t> genes;
  for (dim_t gene = 0; gene < cohort.num_genes(); ++gene) genes.push_back(gene);
  const TermDesign design(cohort, genes);
  const TermModel model(design.design(), likelihood);
  ForwardOptions options;
  options.max_steps = steps;
  const std::vector<ForwardStep> found = forward_terms(design, model, options);
  const std::vector<TraceStep> expected = trace(file);
  ASSERT_EQ(int(found.size()), steps);
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(term_name(cohort, found[i].candidate, found[i].product), expected[i].term) << i;
    EXPECT_EQ(term_name(cohort, found[i].runner_up, found[i].runner_up_product), expected[i].runner_up) << i;
    EXPECT_NEAR(found[i].gain, expected[i].gain, 2e-5) << i;
    EXPECT_NEAR(found[i].runner_up_gain, expected[i].runner_up_gain, 2e-5) << i;
    EXPECT_NEAR(found[i].loglik / expected[i].loglik, 1, 1e-8) << i;
  }
}

TEST(GeneFitness, ArmContrastsAreThoseOfR) {
  for (const Json& golden : wrapper_golden()["rewards"]) {
    const std::vector<dim_t> genes = columns(golden["genes"]);
    FitnessOptions options;
    options.kind = Fitness::kArmContrast;
    options.clinical = golden["clinical"];
    const ArmContrastObjective intended(competition(), genes, options);
    const GeneSet all = all_of(genes.size());
    const ArmCoefficients arms = intended.coefficients(all, true);
    EXPECT_NEAR(arms.loglik_treated / golden["loglik_treated"].get<double>(), 1, 1e-8);
    EXPECT_NEAR(arms.loglik_untreated / golden["loglik_untreated"].get<double>(), 1, 1e-8);
    for (std::size_t j = 0; j < genes.size(); ++j) {
      EXPECT_NEAR(arms.treated[j], golden["beta_treated"][j].get<double>(), 1e-6);
      EXPECT_NEAR(arms.untreated[j], golden["beta_untreated"][j].get<double>(), 1e-6);
      EXPECT_GT(arms.se_treated[j], 0);
    }
    EXPECT_NEAR(intended.fit(all, nullptr, {}).fitness, golden["reward_sum_top10"].get<double>(), 1e-5);
    options.kind = Fitness::kArmContrastFirst10;
    const auto published = make_fitness(competition(), genes, options);
    EXPECT_NEAR(published->fit(all, nullptr, {}).fitness, golden["reward_sum_first10_unsorted"].get<double>(), 1e-5);
  }
}

TEST(GeneFitness, ArmContrastZDividesByTheStandardError) {
  const std::vector<dim_t> genes = columns({6, 33, 35});
  FitnessOptions options;
  options.kind = Fitness::kArmContrastZ;
  const ArmContrastObjective objective(competition(), genes, options);
  const ArmCoefficients arms = objective.coefficients({0, 1, 2}, true);
  double sum = 0;
  for (std::size_t j = 0; j < 3; ++j)
    sum += (arms.untreated[j] - arms.treated[j]) /
           std::sqrt(arms.se_treated[j] * arms.se_treated[j] + arms.se_untreated[j] * arms.se_untreated[j]);
  EXPECT_NEAR(objective.fit({0, 1, 2}, nullptr, {}).fitness, sum, 1e-9);
}

TEST(GeneFitness, HeldOutValuesAreThoseOfR) {
  const Json& cv = wrapper_golden()["cv"];
  const std::vector<std::pair<std::string, std::vector<int>>> sets = {
      {"inferred_key", {6, 33, 35, 88, 136, 161, 165, 193, 204, 221}},
      {"strongest5", {35, 193, 6, 88, 136}},
      {"screen_top10", {35, 193, 88, 6, 136, 221, 180, 161, 56, 53}},
      {"prognostic_291_300", {291, 292, 293, 294, 295, 296, 297, 298, 299, 300}},
      {"team_daechero_malgeum", {280, 88, 196, 111, 180, 284, 35, 156, 137, 74}},
      {"team_uihakeuhak", {211, 179, 80, 27, 147, 139, 242, 264, 290, 130}}};
  const double null_likelihood = cv["none"]["cvpl"];
  for (const auto& [name, genes] : sets) {
    FitnessOptions options;
    options.kind = Fitness::kHeldOutConcordance;
    const HeldOutObjective objective(competition(), columns(genes), options);
    const GeneSet all = all_of(genes.size());
    const HeldOut held_out = objective.measure(all);
    EXPECT_NEAR(held_out.concordance, cv[name]["mean_c"].get<double>(), 1e-9) << name;
    for (std::size_t k = 0; k < 5; ++k)
      EXPECT_NEAR(held_out.fold_concordance[k], cv[name]["fold_c"][k].get<double>(), 1e-9) << name;
    EXPECT_NEAR(held_out.partial_likelihood, cv[name]["cvpl"].get<double>(), 1e-4) << name;
    EXPECT_NEAR(objective.measure({}).concordance, cv["none"]["mean_c"].get<double>(), 1e-9);
    EXPECT_NEAR(objective.fit(all, nullptr, {}).fitness, held_out.concordance - 0.001 * double(genes.size()), 1e-12);
    options.kind = Fitness::kHeldOutLikelihood;
    const double expected = (cv[name]["cvpl"].get<double>() - null_likelihood) / std::abs(null_likelihood);
    EXPECT_NEAR(make_fitness(competition(), columns(genes), options)->fit(all, nullptr, {}).fitness, expected, 1e-7);
  }
}

TEST(GeneFitness, ForwardSelectionWithCoxIsThatOfR) {
  expect_trace(competition(), Likelihood::kCox, "forward_hackathon_cox_efron.csv", sample_size(14, 3));
}

TEST(GeneFitness, ForwardSelectionWithLogLogisticTimesIsThatOfR) {
  const Cohort positive = select_patients(competition(), positive_times(competition()));
  expect_trace(positive, Likelihood::kLogLogistic, "forward_hackathon_aft_loglogistic.csv", sample_size(14, 3));
}

// The formula of docs/methods/genes.md, "Fitness", from separate fits.
TEST(GeneFitness, ExtendedBicCountsEventsGenesAndSubsets) {
  const std::vector<dim_t> genes = columns({6, 35, 88, 193, 250});
  for (const Fitness kind : {Fitness::kCoxEbic, Fitness::kAftEbic}) {
    FitnessOptions options;
    options.kind = kind;
    options.xi = 0.7;
    const LikelihoodGainObjective objective(competition(), genes, options);
    const TermModel& model = objective.model();
    const double base = model.fit(objective.design().base()).loglik;
    const double full = model.fit(objective.columns({0, 2, 3})).loglik;
    const double price = 3 * std::log(891.0) + 2 * 0.7 * std::log(10.0);  // C(5, 3) = 10
    EXPECT_NEAR(objective.fit({0, 2, 3}, nullptr, {}).fitness, (2 * (full - base) - price) / (2 * std::abs(base)),
                1e-9);
    EXPECT_EQ(objective.fit({}, nullptr, {}).fitness, 0);
  }
}

TEST(GeneFitness, AWarmStartChangesNothing) {
  const std::vector<dim_t> genes = columns({6, 33, 35, 88, 136, 250, 251});
  for (const Fitness kind : {Fitness::kArmContrast, Fitness::kArmContrastFirst10, Fitness::kArmContrastZ,
                             Fitness::kCoxEbic, Fitness::kAftEbic}) {
    FitnessOptions options;
    options.kind = kind;
    const auto objective = make_fitness(competition(), genes, options);
    const GeneSet from{0, 2, 5}, to{0, 2, 3, 6};
    const SubsetFit start = objective->fit(from, nullptr, {});
    const double cold = objective->fit(to, nullptr, {}).fitness, warm = objective->fit(to, &start, from).fitness;
    EXPECT_NEAR(warm, cold, 1e-6 * std::abs(cold)) << fitness_name(kind);
  }
}

// The optimality gap is known where every subset can be evaluated: 2^10 by F4.
TEST(GeneFitness, SearchesReachTheBestOfAllSubsets) {
  const std::vector<dim_t> genes = columns({6, 33, 35, 88, 250, 251, 252, 291, 292, 193});
  const auto objective = make_fitness(competition(), genes, {});
  SubsetEvaluator all(*objective, 1023);
  std::vector<GeneSet> sets;
  for (unsigned bits = 1; bits < 1024; ++bits) {
    GeneSet set;
    for (int gene = 0; gene < 10; ++gene)
      if (bits >> gene & 1) set.insert(gene);
    sets.push_back(set);
  }
  all.evaluate(sets, {});
  SubsetEvaluator few(*objective, 300);
  polish(few, {2});
  EXPECT_EQ(few.best(), all.best());
  EXPECT_NEAR(few.best_fitness(), all.best_fitness(), 1e-9);
}

TEST(GeneFitness, DoesNotDependOnThreads) {
  const std::vector<dim_t> genes = columns({6, 33, 35, 88, 136, 250, 251});
  const auto objective = make_fitness(competition(), genes, {});
  std::vector<std::vector<double>> values;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    SubsetEvaluator evaluator(*objective, 100);
    values.push_back(evaluator.evaluate(std::vector<GeneSet>{{0}, {1}, {0, 2}, {3, 4, 5}, {6}, {1, 2, 3}}, {}));
  }
  omp_set_num_threads(omp_get_num_procs());
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(values[0], values[2]);
}

TEST(GeneFitness, RefusesWhatHasNoMeaning) {
  EXPECT_ERROR(make_fitness(competition(), {}, {}), UsageError, "got 0");
  EXPECT_ERROR(make_fitness(competition(), {3, 3}, {}), UsageError, "twice");
  EXPECT_ERROR(make_fitness(competition(), {300}, {}), UsageError, "got 300");
  EXPECT_ERROR(parse_fitness("f9"), UsageError, "'f9'");
  FitnessOptions options;
  options.distribution = Likelihood::kCox;
  EXPECT_ERROR(make_fitness(competition(), {3}, options), UsageError, "f3 is the Cox fitness");
  Cohort treated = select_patients(competition(), patients_in_arm(competition(), 1));
  options.kind = Fitness::kArmContrast;
  EXPECT_ERROR(make_fitness(treated, {3}, options), DataError, "nobody untreated");
}

}  // namespace
}  // namespace engram::genes
