/// The gene-selection pipeline on the competition data and on simulated cohorts, and how results are measured.

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "models/genes/final_model.h"
#include "models/genes/hidden_confounder.h"
#include "models/genes/methods.h"
#include "models/genes/pipeline.h"
#include "models/genes/ranking.h"
#include "models/genes/recovery.h"
#include "models/genes/stability.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/sanitized.h"
#include "tests/support/small_cohort.h"

namespace engram::genes {
namespace {

using engram::testing::cut_in_two;
using engram::testing::sample_size;
using engram::testing::small_cohort;
using testing::competition;

/// The inferred key (docs/methods/genes.md, "The problem"), as gene columns.
std::set<dim_t> inferred_key() {
  std::set<dim_t> key;
  for (dim_t gene : {6, 33, 35, 88, 136, 161, 165, 193, 204, 221}) key.insert(gene - 1);
  return key;
}

int hits(const Selection& selection) {
  int count = 0;
  for (const SelectedGene& g : selection.genes) count += int(inferred_key().count(g.gene));
  return count;
}

/// Few seeds and evaluations, no slow checks.
PipelineOptions quick() {
  PipelineOptions options;
  options.wrapper.seeds = sample_size(2, 1);
  options.wrapper.evaluations = sample_size(1500, 400);
  options.stability_splits = 0;
  options.permutations = sample_size(200, 99);
  options.negative_controls = 0;
  options.reselections = 0;
  return options;
}

// Rows with entries are the same follow-up: what the joint model says is what it says of the patients, and the whole
// pipeline runs on them.
TEST(GenePipeline, KnowsFollowUpThatBeginsLate) {
  const Cohort& whole = small_cohort().cohort;
  const Cohort cut = cut_in_two(whole);
  EXPECT_GT(cut.num_patients(), whole.num_patients() + 100);
  PipelineOptions options = quick();
  options.permutations = 99;
  options.reselections = 2;
  options.negative_controls = options.stability_splits = 2;
  const Selection s = select_genes(cut, options);
  ASSERT_EQ(s.genes.size(), 10u);
  for (const Likelihood likelihood : {s.likelihood, s.other_likelihood}) {
    const auto effects = fit_joint_model(whole, listed_genes(s), s.prognostic.genes, likelihood).effects;
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const bool first = likelihood == s.likelihood;
      EXPECT_NEAR(effects[i].effect, first ? s.genes[i].effect : s.genes[i].other_effect, 1e-5);
      EXPECT_NEAR(effects[i].drop, first ? s.genes[i].drop : s.genes[i].other_drop, 1e-4);
    }
  }
  EXPECT_EQ(s.control.found.size(), 2u);
  EXPECT_EQ(s.reselections, 2);
  int keys = 0;
  for (const SelectedGene& g : s.genes) keys += int(std::ranges::count(small_cohort().truth.key, g.gene));
  EXPECT_GE(keys, 5);
}

TEST(GenePipeline, FindsTheInferredKeyOfTheCompetitionData) {
  const Selection s = select_genes(competition(), quick());
  EXPECT_GE(hits(s), 9);
  EXPECT_FALSE(s.choice.proportional);
  EXPECT_EQ(s.likelihood, Likelihood::kLogLogistic);
  EXPECT_EQ(s.fitness, Fitness::kAftEbic);
  EXPECT_FALSE(s.interrupted);
  ASSERT_EQ(s.genes.size(), 10u);
  int declared = 0;
  for (const SelectedGene& g : s.genes) {
    declared += g.declared;
    EXPECT_GT(g.se, 0);
    EXPECT_GT(g.other_se, 0);
    EXPECT_GE(g.e_value, 1);
    EXPECT_LE(g.carriers_treated, g.carriers);
    if (g.declared) {
      EXPECT_GT(g.hidden_effect, 0.5 * g.effect);
    }
  }
  EXPECT_GE(declared, 8);
  // Var3 drives treatment and not survival (known from the data).
  EXPECT_EQ(s.confounding.instrument_like, std::vector<std::string>{"Var3"});
  EXPECT_NEAR(s.confounding.auc, 0.633, 0.002);
}

TEST(GenePipeline, TheTeamsModesRunTheirOwnFilterAndReward) {
  PipelineOptions options = quick();
  options.mode = PipelineMode::kTeamIntended;
  const Selection intended = select_genes(competition(), options);
  options.mode = PipelineMode::kTeamPublished;
  const Selection published = select_genes(competition(), options);
  EXPECT_EQ(intended.fitness, Fitness::kArmContrast);
  EXPECT_EQ(published.fitness, Fitness::kArmContrastFirst10);
  ASSERT_EQ(intended.filtered.size(), 60u);
  EXPECT_EQ(intended.filtered.front().gene, 290);  // G291 leads R's filter
  for (const Selection* s : {&intended, &published}) {
    EXPECT_EQ(s->wrapper.runs.size(), 1u);
    EXPECT_EQ(s->genes.size(), 10u);
    for (std::size_t i = 1; i < s->genes.size(); ++i) EXPECT_GE(s->genes[i - 1].score, s->genes[i].score);
  }
  EXPECT_GE(hits(intended), 5);  // an emulation in R found 5 to 8
}

TEST(GenePipeline, DoesNotDependOnThreads) {
  std::vector<std::vector<double>> runs;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    PipelineOptions options = quick();
    options.wrapper.evaluations = sample_size(300, 60);
    options.stability_splits = sample_size(2, 1);
    const Selection s = select_genes(small_cohort().cohort, options);
    runs.emplace_back();
    for (const SelectedGene& g : s.genes)
      runs.back().insert(runs.back().end(),
                         {double(g.gene), g.effect, g.se, g.drop, g.other_drop, g.family_p, g.stability, g.usage});
  }
  omp_set_num_threads(omp_get_num_procs());
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

// Without hidden factors and interactions. In scenario W itself, what the base model leaves out makes its hazards
// converge, and the check sees that.
TEST(GenePipeline, ChoosesCoxWhereHazardsAreProportional) {
  SimulatorSettings settings = scenario("W");
  settings.key_scale = settings.hidden_on_survival = 0;
  settings.censoring = Censoring::kRandom;
  EXPECT_EQ(choose_model(simulate(settings, 1).cohort).likelihood, Likelihood::kCox);
  EXPECT_NE(choose_model(simulate(scenario("H"), 1).cohort).likelihood, Likelihood::kCox);
}

TEST(GenePipeline, DeclaresNothingWhereThereIsNothing) {
  const SimulatedCohort null = simulate(scenario("N"), 3);
  const Selection s = select_genes(null.cohort, quick());
  EXPECT_LE(std::ranges::count_if(s.genes, &SelectedGene::declared), 1);
}

TEST(GenePipeline, LetsACopyLoseAgainstItsOriginal) {
  const SimulatedCohort simulated = simulate(scenario("D"), 2);
  const Selection s = select_genes(simulated.cohort, quick());
  const AnswerKey key = AnswerKey::of(simulated.truth);
  std::vector<dim_t> ranking;
  bool fought = false;
  for (const SelectedGene& g : s.genes) {
    ranking.push_back(g.gene);
    for (const Duel& d : g.duels) {
      fought = true;
      EXPECT_GT(std::abs(d.correlation), 0.5);
      EXPECT_GE(d.drop_gene, d.drop_rival);
    }
  }
  EXPECT_TRUE(fought);
  EXPECT_GE(recovery(ranking, key, 10).hits, 7);
}

TEST(GenePipeline, StopsBetweenStages) {
  int asked = 0;
  const Selection s = select_genes(competition(), quick(), {}, [&asked] { return ++asked > 2; });
  EXPECT_TRUE(s.interrupted);
  EXPECT_TRUE(s.genes.empty());
}

TEST(GenePipeline, RefusesWhatCannotBeAnalysed) {
  Cohort cohort = small_cohort().cohort;
  std::fill(cohort.treatment.begin(), cohort.treatment.end(), std::uint8_t{1});
  EXPECT_ERROR(select_genes(cohort, quick()), DataError, "everybody treated");
  cohort = small_cohort().cohort;
  std::fill(cohort.event.begin(), cohort.event.end(), std::uint8_t{0});
  EXPECT_ERROR(select_genes(cohort, quick()), DataError, "expected deaths");
  PipelineOptions options = quick();
  options.filter.at_most = 129;
  EXPECT_ERROR(select_genes(small_cohort().cohort, options), UsageError, "got 129");
  options = quick();
  options.wrapper.search = "hill";
  EXPECT_ERROR(select_genes(small_cohort().cohort, options), UsageError, "'hill'");
}

TEST(GeneMethods, AllGiveTheSameAnswerAgain) {
  ComparisonOptions options;
  options.evaluations = sample_size(150, 30);
  const Cohort& cohort = small_cohort().cohort;
  const std::vector<MethodResult> once = compare_methods(cohort, options), again = compare_methods(cohort, options);
  ASSERT_EQ(once.size(), method_names().size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].ranking, again[i].ranking) << once[i].method;
    EXPECT_TRUE(once[i].applicable) << once[i].method;
    EXPECT_GE(once[i].ranking.size(), 9u) << once[i].method;
    EXPECT_EQ(std::set<dim_t>(once[i].ranking.begin(), once[i].ranking.end()).size(), once[i].ranking.size());
    const bool counted = once[i].method.starts_with("wrapper-");
    EXPECT_TRUE(!counted || once[i].evaluations <= options.evaluations) << once[i].method;
  }
  options.methods = {"nonsense"};
  EXPECT_ERROR(compare_methods(cohort, options), UsageError, "'nonsense'");
}

TEST(HiddenConfounder, IsTiedToTreatmentAndTime) {
  const Cohort with = with_hidden_factor(simulate(scenario("H"), 2).cohort, 0.4, 3);
  const auto correlation = [&](const std::function<double(std::size_t)>& other) {
    const std::span<const double> u = with.clinical_column(with.num_clinical() - 1);
    double su = 0, so = 0, suu = 0, soo = 0, suo = 0;
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double o = other(i);
      su += u[i], so += o, suu += u[i] * u[i], soo += o * o, suo += u[i] * o;
    }
    const double n = double(u.size());
    return (n * suo - su * so) / std::sqrt((n * suu - su * su) * (n * soo - so * so));
  };
  EXPECT_EQ(with.clinical_names.back(), "hidden factor");
  EXPECT_NEAR(correlation([&](std::size_t i) { return with.treatment[i]; }), 0.4, 0.07);
  const bool logs = std::ranges::all_of(with.time, [](double t) { return t > 0; });
  EXPECT_NEAR(correlation([&](std::size_t i) { return logs ? std::log(with.time[i]) : -double(i); }), 0.4, 0.07);
}

// A cause of treatment and survival that is tied to no gene moves the treatment's effect, not that of the products.
TEST(HiddenConfounder, LeavesTheKeyAndTakesNothingTwice) {
  const std::set<dim_t> key = inferred_key();
  const std::vector<dim_t> genes(key.begin(), key.end());
  const JointModel joint = fit_joint_model(competition(), genes, {}, Likelihood::kLogLogistic);
  const std::vector<double> weakest = weakest_effects(competition(), genes, {}, Likelihood::kLogLogistic, 1);
  ASSERT_EQ(weakest.size(), genes.size());
  for (std::size_t j = 0; j < genes.size(); ++j) {
    EXPECT_NEAR(weakest[j], joint.effects[j].effect, 0.06);
    EXPECT_NE(weakest[j], joint.effects[j].effect);
  }
  EXPECT_EQ(weakest, weakest_effects(competition(), genes, {}, Likelihood::kLogLogistic, 1));
}

// Of the key and ten genes without effect, backward elimination leaves the key; forward selection finds what is
// missing.
TEST(FinalModel, CutsAndFillsToTheKey) {
  const std::set<dim_t> key = inferred_key();
  std::vector<dim_t> genes(key.begin(), key.end()), candidates = genes;
  for (dim_t gene = 100; gene < 110; ++gene) candidates.push_back(gene);
  const Likelihood likelihood = Likelihood::kLogLogistic;
  EXPECT_EQ(strongest_genes(competition(), candidates, {}, likelihood, 10), genes);
  EXPECT_EQ(strongest_genes(competition(), genes, {}, likelihood, 20), genes);
  const std::vector<dim_t> few(genes.begin(), genes.begin() + 6);
  const std::vector<dim_t> next = next_genes(competition(), few, {}, candidates, likelihood, 4);
  EXPECT_EQ(std::set<dim_t>(next.begin(), next.end()), std::set<dim_t>(genes.begin() + 6, genes.end()));
  EXPECT_TRUE(next_genes(competition(), candidates, {}, candidates, likelihood, 3).empty());
}

TEST(Stability, SharesAreThoseOfRuns) {
  StabilityOptions options;
  options.splits = 4;
  options.genes = 5;
  options.filter = 20;
  const Stability s = stability_selection(competition(), options);
  EXPECT_EQ(s.runs, 8);
  EXPECT_LE(s.mean_selected, 5);
  EXPECT_GE(s.share[34], 0.75);  // G35, the strongest
  double total = 0;
  for (double share : s.share) total += share;
  EXPECT_NEAR(total, s.mean_selected, 1e-9);
  EXPECT_NEAR(s.error_bound(0.75), s.mean_selected * s.mean_selected / (0.5 * 300), 1e-12);
}

TEST(Recovery, CountsHitsAndErrors) {
  AnswerKey key;
  key.key = {1, 2, 3, 4};
  key.prognostic = {7};
  key.decoys = {8};
  const Recovery r = recovery({1, 7, 2, 8, 9, 3}, key, 5);
  EXPECT_EQ(r.hits, 2);
  EXPECT_DOUBLE_EQ(r.precision, 0.4);
  EXPECT_DOUBLE_EQ(r.recall, 0.5);
  EXPECT_DOUBLE_EQ(r.f1, 2 * 0.4 * 0.5 / 0.9);
  EXPECT_EQ(r.prognostic, 1);
  EXPECT_EQ(r.decoys, 1);
  EXPECT_EQ(r.worst_rank, 7);  // gene 4 is not in the list
  EXPECT_NEAR(r.average_precision, (1 + 2.0 / 3 + 3.0 / 6) / 4, 1e-12);
  EXPECT_EQ(recovery({}, key, 10).f1, 0);
  EXPECT_EQ(recovery({1}, {}, 10).recall, 0);
}

TEST(Recovery, WilcoxonIsThatOfR) {
  EXPECT_DOUBLE_EQ(wilcoxon_signed_rank_p({1, 2, 3, 4, 5}), 0.0625);
  EXPECT_DOUBLE_EQ(wilcoxon_signed_rank_p({1, -2, 3, 4, 5}), 0.1875);
  EXPECT_DOUBLE_EQ(wilcoxon_signed_rank_p({0, 0, 0}), 1);
  EXPECT_DOUBLE_EQ(wilcoxon_signed_rank_p({1, 1, -1, -1}), 1);
  std::vector<double> many;
  for (int i = 1; i <= 60; ++i) many.push_back(i % 3 == 0 ? -i : i);
  // V = sum of 1..60 without multiples of 3 = 1200; normal approximation without continuity correction.
  EXPECT_NEAR(wilcoxon_signed_rank_p(many), std::erfc(285 / std::sqrt(2 * 18452.5)), 1e-12);
}

TEST(Recovery, MeanAndStandardError) {
  const MeanAndError m = mean_and_error({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(m.mean, 2.5);
  EXPECT_NEAR(m.standard_error, std::sqrt(5.0 / 3 / 4), 1e-12);
  EXPECT_EQ(mean_and_error({7}).standard_error, 0);
}

TEST(Ranking, CarrierCorrelationIsThePhiCoefficient) {
  EXPECT_NEAR(carrier_correlation(competition(), 5, 5), 1, 1e-12);
  EXPECT_LT(std::abs(carrier_correlation(competition(), 5, 6)), 0.2);
}

}  // namespace
}  // namespace engram::genes
