/// The pipeline on other patients: bootstrap and cross-validated prediction; and what it predicts of single patients.

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kernels/common/error.h"
#include "models/genes/benefit.h"
#include "models/genes/bootstrap.h"
#include "models/genes/cohort_io.h"
#include "models/genes/methods.h"
#include "models/genes/prediction.h"
#include "models/genes/recovery.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/sanitized.h"
#include "tests/support/small_cohort.h"

namespace engram::genes {
namespace {

using engram::testing::sample_size;
using engram::testing::small_cohort;
using testing::competition;

/// The smallest pipeline.
PipelineOptions smallest_pipeline() {
  PipelineOptions options;
  options.wrapper.seeds = 1;
  options.wrapper.evaluations = 100;
  return options;
}

std::vector<dim_t> from_one(const nlohmann::json& genes) {
  std::vector<dim_t> columns;
  for (const nlohmann::json& gene : genes) columns.push_back(gene.get<dim_t>() - 1);
  return columns;
}

// Folds are row mod 5 there.
TEST(Prediction, HeldOutPatientsAreThoseOfR) {
  const nlohmann::json golden =
      nlohmann::json::parse(std::ifstream(testing::golden_path("survival/golden/wrapper_hackathon.json")));
  PredictionScore base{0, 0, 0}, with{0, 0, 0};
  for (int fold = 0; fold < 5; ++fold) {
    std::vector<dim_t> held_out;
    for (dim_t i = 0; i < competition().num_patients(); ++i)
      if (competition().row[std::size_t(i)] % 5 == fold) held_out.push_back(i);
    const PredictionPair pair = predict_held_out(competition(), held_out, from_one(golden["inferred_key"]));
    EXPECT_NEAR(pair.genes.harrell, golden["cv"]["inferred_key"]["fold_c"][std::size_t(fold)].get<double>(), 1e-9);
    base.harrell += pair.base.harrell / 5;
    with.harrell += pair.genes.harrell / 5;
    base.partial_likelihood += pair.base.partial_likelihood;
    with.partial_likelihood += pair.genes.partial_likelihood;
    EXPECT_NEAR(pair.genes.uno, pair.genes.harrell, 0.02);  // 11 % are censored
    EXPECT_NE(pair.genes.uno, pair.genes.harrell);
  }
  const nlohmann::json &none = golden["cv"]["none"], &key = golden["cv"]["inferred_key"];
  EXPECT_NEAR(base.harrell, none["mean_c"].get<double>(), 1e-9);
  EXPECT_NEAR(with.harrell, key["mean_c"].get<double>(), 1e-9);
  EXPECT_NEAR(base.partial_likelihood / none["cvpl"].get<double>(), 1, 1e-8);
  EXPECT_NEAR(with.partial_likelihood / key["cvpl"].get<double>(), 1, 1e-8);
}

TEST(Prediction, FoldsPartitionThePatientsAndAreSelectedOnTheOthers) {
  const Cohort& cohort = small_cohort().cohort;
  const PredictionOptions options{.repeats = 2, .folds = 4, .seed = 3};
  std::vector<int> seen(std::size_t(cohort.num_patients()));
  std::mutex mutex;
  const auto nothing = [&](const Cohort& training) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(training.num_patients(), 225);
    for (dim_t row : training.row) ++seen[std::size_t(row)];
    return std::vector<std::optional<std::vector<dim_t>>>{std::vector<dim_t>{}, std::nullopt};
  };
  const std::vector<Prediction> predictions = cross_validate(cohort, 2, nothing, options);
  for (int count : seen) EXPECT_EQ(count, 2 * 3);  // in all folds of a repeat but one
  ASSERT_EQ(predictions[0].size(), 2u);
  for (const PredictionPair& pair : predictions[0]) {
    EXPECT_EQ(pair.base.harrell, pair.genes.harrell);  // no genes chosen
    EXPECT_EQ(pair.base.partial_likelihood, pair.genes.partial_likelihood);
    EXPECT_GT(pair.base.harrell, 0.7);
  }
  EXPECT_NE(predictions[0][0].base.harrell, predictions[0][1].base.harrell);  // other folds in every repeat
  EXPECT_TRUE(predictions[1].empty());                                        // not applicable
}

// Genes chosen with a look at the patients who are then predicted seem better than they are.
TEST(Prediction, SelectionWithinTheFoldsIsHonest) {
  SimulatorSettings settings = scenario("N");
  settings.patients = 300;
  settings.genes = 200;
  const Cohort cohort = simulate(settings, 2).cohort;
  ComparisonOptions options;
  options.methods = {"univariate-cox"};
  const PredictionOptions folds{.repeats = 1, .folds = 5, .seed = 1};
  const std::vector<dim_t> peeked = compare_methods(cohort, options).front().ranking;
  const std::vector<dim_t> ten(peeked.begin(), peeked.begin() + 10);
  const auto dishonest = [&](const Cohort&) { return std::vector<std::optional<std::vector<dim_t>>>{ten}; };
  const PredictionPair cheated = cross_validate(cohort, 1, dishonest, folds).front().front();
  const PredictionPair honest = cross_validate_methods(cohort, options, folds).front().front();
  EXPECT_EQ(cheated.base.harrell, honest.base.harrell);
  EXPECT_GT(cheated.genes.partial_likelihood, honest.genes.partial_likelihood + 5);
  EXPECT_LT(honest.genes.partial_likelihood, honest.base.partial_likelihood);
}

TEST(Prediction, ThePipelinesGenesHelpAndThreadsDoNotMatter) {
  std::vector<double> runs;
  for (int threads : {1, 3}) {
    omp_set_num_threads(threads);
    const Prediction prediction =
        cross_validate_pipeline(small_cohort().cohort, smallest_pipeline(), {.repeats = 1, .folds = 3, .seed = 2});
    ASSERT_EQ(prediction.size(), 1u);
    EXPECT_GT(prediction[0].genes.harrell, prediction[0].base.harrell);
    runs.push_back(prediction[0].genes.partial_likelihood);
  }
  omp_set_num_threads(omp_get_num_procs());
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(Prediction, RefusesWhatHasNoMeaning) {
  const auto select = [](const Cohort&) { return std::vector<std::optional<std::vector<dim_t>>>(1); };
  EXPECT_ERROR(cross_validate(competition(), 1, select, {.repeats = 0}), UsageError, "got 0 and 5");
  EXPECT_ERROR(cross_validate(competition(), 1, select, {.folds = 1}), UsageError, "got 5 and 1");
  EXPECT_ERROR(cross_validate(competition(), 1, select, {.folds = 1001}), DataError, "got 1000");
  EXPECT_ERROR(predict_held_out(competition(), std::vector<dim_t>{1000}, {}), UsageError, "got 1000");
  std::vector<dim_t> all(1000);
  std::iota(all.begin(), all.end(), dim_t{0});
  EXPECT_ERROR(predict_held_out(competition(), all, {}), DataError, "got none");
  const auto fails = [](const Cohort&) -> std::vector<std::optional<std::vector<dim_t>>> {
    throw UsageError("no such method");
  };
  EXPECT_ERROR(cross_validate(competition(), 1, fails, {.repeats = 1}), UsageError, "no such method");
}

TEST(Bootstrap, CountsListsAndThreadsDoNotMatter) {
  const Cohort& cohort = small_cohort().cohort;
  const AnswerKey key = AnswerKey::of(small_cohort().truth);
  const int resamples = sample_size(6, 2);
  std::vector<Bootstrap> made;
  for (int threads : {1, 3}) {
    omp_set_num_threads(threads);
    int last = 0;
    made.push_back(bootstrap_pipeline(cohort, key.key, {.resamples = resamples, .pipeline = smallest_pipeline()},
                                      [&](int done) { last = std::max(last, done); }));
    EXPECT_EQ(last, resamples);
  }
  omp_set_num_threads(omp_get_num_procs());
  const Bootstrap& b = made[0];
  EXPECT_EQ(b.share, made[1].share);
  EXPECT_EQ(b.runs, resamples);
  ASSERT_EQ(b.reselected.size(), std::size_t(resamples));
  EXPECT_NEAR(std::accumulate(b.share.begin(), b.share.end(), 0.0), 10, 1e-9);  // ten genes a list
  double of_key = 0;
  for (dim_t gene : key.key) of_key += b.share[std::size_t(gene)];
  EXPECT_NEAR(of_key, b.mean, 1e-9);
  const auto [least, most] = std::ranges::minmax(b.reselected);
  EXPECT_LE(least, b.low);
  EXPECT_LE(b.low, b.mean);
  EXPECT_LE(b.mean, b.high);
  EXPECT_LE(b.high, most);
  EXPECT_GT(b.mean, 10.0 * 10 / 60);  // more than drawing ten of sixty genes gives
}

TEST(Bootstrap, LeavesOutWhatCannotRun) {
  const Bootstrap stopped = bootstrap_pipeline(
      small_cohort().cohort, {0}, {.resamples = 3, .pipeline = smallest_pipeline()}, {}, [] { return true; });
  EXPECT_EQ(stopped.runs, 0);
  EXPECT_EQ(stopped.mean, 0);
  EXPECT_ERROR(bootstrap_pipeline(competition(), {}, {.resamples = 0}), UsageError, "got 0");
  PipelineOptions options = smallest_pipeline();
  options.filter.at_most = 129;
  EXPECT_ERROR(bootstrap_pipeline(competition(), {}, {.resamples = 2, .pipeline = options}), UsageError, "got 129");
}

TEST(Benefit, FollowsTheTruth) {
  const SimulatedCohort made = simulate(scenario("H"), 3);
  const AnswerKey key = AnswerKey::of(made.truth);
  std::vector<double> truth;
  for (dim_t row : made.cohort.row) truth.push_back(key.gain[std::size_t(row)]);
  const auto score = [&](const std::vector<dim_t>& genes, Likelihood likelihood) {
    return benefit_score(predicted_benefit(made.cohort, genes, likelihood), truth);
  };
  EXPECT_GT(score(key.key, Likelihood::kLogLogistic).concordance, 0.9);
  EXPECT_GT(score(key.key, Likelihood::kCox).concordance, 0.9);
  EXPECT_LT(std::abs(score(key.prognostic, Likelihood::kLogLogistic).concordance), 0.3);
  EXPECT_EQ(score({}, Likelihood::kLogLogistic).concordance, 0);  // the same for everybody
}

TEST(Benefit, ScoresAreThoseOfTheDefinition) {
  const BenefitScore s = benefit_score({-1, 2, 2, 5}, {0.1, 0.2, 0.4, 0.3});
  // Ranks 0, 1.5, 1.5, 3 and 0, 1, 3, 2: covariance 3, squares 4.5 and 5.
  EXPECT_NEAR(s.concordance, 3 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_NEAR(s.gain_of_all, 0.25, 1e-12);
  EXPECT_NEAR(s.gain_of_recommended, 0.3, 1e-12);
  EXPECT_NEAR(s.share_recommended, 0.75, 1e-12);
  EXPECT_EQ(benefit_score({-1, -2}, {1, 1}).gain_of_recommended, 0);
  EXPECT_ERROR(benefit_score({1}, {1, 2}), UsageError, "got 1 and 2");
}

}  // namespace
}  // namespace engram::genes
