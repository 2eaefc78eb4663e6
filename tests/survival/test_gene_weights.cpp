/// Weighted and stratified models of gene selection against R (tests/golden/survival/make_golden_weighted.R).

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "models/genes/fitness/fitness.h"
#include "models/genes/pipeline.h"
#include "models/genes/treatment_weighting.h"
#include "models/survival/propensity.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/small_cohort.h"

namespace engram::genes {
namespace {

using testing::competition;
using Json = nlohmann::json;

const Json& golden() {
  static const Json json = Json::parse(std::ifstream(testing::golden_path("survival/golden/weighted_hackathon.json")));
  return json;
}

const ConfoundingReport& report() {
  static const ConfoundingReport made = confounding_report(competition(), choose_model(competition()));
  return made;
}

std::vector<dim_t> key() {
  std::vector<dim_t> genes;
  for (const Json& gene : golden()["key"]) genes.push_back(gene.get<dim_t>() - 1);
  return genes;
}

void expect_estimate(const Estimate& estimate, const Json& expected, std::size_t j) {
  EXPECT_NEAR(estimate.effect / expected["effect"][j].get<double>(), 1, 1e-6);
  EXPECT_NEAR(estimate.se / expected["se"][j].get<double>(), 1, 1e-6);
}

TEST(GeneWeights, WeightsAreThoseOfR) {
  for (const auto& [name, weight] :
       {std::pair("stabilized", &report().stabilized_weight), std::pair("overlap", &report().overlap_weight)}) {
    for (std::size_t i = 0; i < weight->size(); ++i)
      ASSERT_NEAR((*weight)[i], golden()[name]["weight"][std::size_t(competition().row[i])].get<double>(), 1e-9)
          << name << i;
  }
}

TEST(GeneWeights, AdjustedEffectsAreThoseOfR) {
  for (const auto& [likelihood, name] :
       {std::pair(Likelihood::kCox, "cox"), std::pair(Likelihood::kLogLogistic, "loglogistic")}) {
    const std::vector<AdjustedEffect> effects = adjusted_effects(competition(), key(), {}, likelihood, report());
    ASSERT_EQ(effects.size(), 10u);
    for (std::size_t j = 0; j < effects.size(); ++j) {
      expect_estimate(effects[j].stabilized, golden()["stabilized"][name], j);
      expect_estimate(effects[j].overlap, golden()["overlap"][name], j);
      expect_estimate(effects[j].stratified, golden()["strata"], j);
    }
  }
}

TEST(GeneWeights, ArmContrastsAreThoseOfR) {
  for (const auto& [weighting, name] :
       {std::pair(Weighting::kStabilized, "stabilized"), std::pair(Weighting::kOverlap, "overlap")}) {
    const Cohort weighted = with_treatment_weights(competition(), report(), weighting);
    for (const auto& [fitness, value] :
         {std::pair(Fitness::kArmContrast, "f1"), std::pair(Fitness::kArmContrastZ, "f2")}) {
      FitnessOptions options;
      options.kind = fitness;
      const auto objective = make_fitness(weighted, key(), options);
      GeneSet all;
      for (int j = 0; j < 10; ++j) all.insert(j);
      EXPECT_NEAR(objective->fit(all, nullptr, {}).fitness / golden()[name]["contrast"][value].get<double>(), 1, 1e-6)
          << name << value;
    }
  }
}

// All that differs is the price of a gene, the log of the number of deaths.
TEST(GeneWeights, AWeightOfTwoIsAPatientTwice) {
  Cohort twice = competition(), heavy = competition();
  std::vector<dim_t> order;
  for (dim_t i = 0; i < twice.num_patients(); ++i) order.insert(order.end(), {i, i});
  twice = select_patients(twice, order);
  heavy.weight.assign(heavy.time.size(), 2.0);
  FitnessOptions options;
  options.kind = Fitness::kAftEbic;
  const auto a = make_fitness(twice, key(), options), b = make_fitness(heavy, key(), options);
  const auto difference = [&](const GeneSet& set) {
    return b->fit(set, nullptr, {}).fitness - a->fit(set, nullptr, {}).fitness;
  };
  EXPECT_GT(difference({0}), 0);
  EXPECT_NEAR(difference({0, 2, 4}), 3 * difference({0}), 1e-9);
}

TEST(GeneWeights, ThePipelineSearchesWithThem) {
  PipelineOptions options = without_slow_checks({});
  options.wrapper.seeds = 1;
  options.wrapper.evaluations = 300;
  std::vector<double> fitness;
  for (const Weighting weighting : {Weighting::kNone, Weighting::kStabilized, Weighting::kOverlap}) {
    options.weighting = weighting;
    fitness.push_back(select_genes(engram::testing::small_cohort().cohort, options).wrapper.fitness);
  }
  EXPECT_NE(fitness[0], fitness[1]);
  EXPECT_NE(fitness[1], fitness[2]);
  EXPECT_NE(fitness[0], fitness[2]);
}

TEST(GeneWeights, CohortsCarryThem) {
  Cohort cohort = competition();
  cohort.weight.clear();
  for (dim_t row : cohort.row) cohort.weight.push_back(double(row));
  const Cohort some = select_patients(cohort, std::vector<dim_t>{5, 3, 900});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(some.weight[i], double(some.row[i]));
  cohort.weight.pop_back();
  EXPECT_ERROR(sort_by_risk(cohort), DataError, "got 999 in weights");
  EXPECT_ERROR(parse_weighting("inverse"), UsageError, "'inverse'");
  EXPECT_EQ(parse_weighting("overlap"), Weighting::kOverlap);
}

}  // namespace
}  // namespace engram::genes
