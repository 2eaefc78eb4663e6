/// The probabilities that gene selection prints: the family test, calibrated screens, the negative control, intervals
/// after selection. Small versions of the calibration of docs/results/genes, with fixed seeds.

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "kernels/common/error.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/calibration.h"
#include "models/genes/cohort_io.h"
#include "models/genes/family_test.h"
#include "models/genes/final_model.h"
#include "models/genes/gene_scan.h"
#include "models/genes/pipeline.h"
#include "models/genes/ranking.h"
#include "models/genes/reference_law.h"
#include "models/genes/residual_replicates.h"
#include "models/genes/score_inversion.h"
#include "models/genes/selective_interval.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/sanitized.h"
#include "tests/support/small_cohort.h"

namespace engram::genes {
namespace {

using testing::competition;

/// The setting with fewer patients and genes.
NullSetting smaller(const std::string& name, dim_t patients, dim_t genes) {
  NullSetting s = null_setting(name);
  s.patients = patients;
  s.genes = genes;
  return s;
}

class Calibrated : public ::testing::TestWithParam<const char*> {};

// A true rate of 5 % stays within these bounds in 99 of 100 settings; the seeds are fixed.
TEST_P(Calibrated, FamilyTestKeepsItsLevel) {
  CalibrationOptions options;
  options.cohorts = 60;
  options.replicates = 99;
  const Calibration c = calibrate(smaller(GetParam(), 160, 30), options);
  ASSERT_EQ(c.cohorts, 60);
  EXPECT_LE(c.family.share(), binomial_interval_99(0.05, c.family.tests).second) << GetParam();
}

// Genes of one cohort share its patients, so their errors come together: five cohorts of 80 genes are no 400 draws.
TEST_P(Calibrated, ScreensKeepTheirLevel) {
  CalibrationOptions options;
  options.cohorts = 10;
  options.replicates = 199;
  options.family = false;
  options.screens = {"C", "AFT"};
  const Calibration c = calibrate(smaller(GetParam(), 160, 80), options);
  for (const ScreenCalibration& screen : c.screens) {
    EXPECT_LE(screen.calibrated[0].share(), 0.075) << GetParam() << " " << screen.screen;
    EXPECT_GE(screen.calibrated[0].share(), 0.02) << GetParam() << " " << screen.screen;
    EXPECT_LE(screen.calibrated[1].share(), 0.022) << GetParam() << " " << screen.screen;
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, Calibrated,
                         ::testing::Values("few-deaths", "null-300", "prognostic", "responders", "sd-by-arm",
                                           "families", "rare", "rare-300", "large", "N", "permuted"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// Where the arms' deviations differ the models' own p-values are far too small.
TEST(CalibratedScreen, MendsWhatTheModelGetsWrong) {
  CalibrationOptions options;
  options.cohorts = 10;
  options.replicates = 199;
  options.family = false;
  options.screens = {"AFT", "OS", "S2"};
  const Calibration c = calibrate(smaller("sd-by-arm", 200, 80), options);
  for (const ScreenCalibration& screen : c.screens) EXPECT_LE(screen.calibrated[0].share(), 0.075) << screen.screen;
  EXPECT_GE(c.screens[0].model[0].share(), 0.12);
  EXPECT_GE(c.screens[1].model[0].share(), 0.12);
}

// The null model holds the gene's main effect, so a gene that matters in both arms alike is not found.
TEST(CalibratedScreen, PrognosticGenesAreNoInteractions) {
  CalibrationOptions options;
  options.cohorts = 10;
  options.replicates = 199;
  options.family = false;
  options.screens = {"AFT", "S1"};
  const Calibration c = calibrate(smaller("prognostic-only", 400, 40), options);
  for (const ScreenCalibration& screen : c.screens) EXPECT_LE(screen.calibrated[0].share(), 0.09) << screen.screen;
}

// Permuted residuals, with patients who are observed from an entry on.
TEST(CalibratedScreen, KeepsItsLevelWherePatientsEnterLate) {
  CalibrationOptions options;
  options.cohorts = engram::testing::sample_size(10, 3);
  options.replicates = 199;
  options.family = false;
  options.screens = {"A", "C", "AFT"};
  const Calibration c = calibrate(smaller("late-entry", 160, 60), options);
  for (const ScreenCalibration& screen : c.screens) {
    EXPECT_LE(screen.calibrated[0].share(), 0.085) << screen.screen;
    EXPECT_GE(screen.calibrated[0].share(), 0.015) << screen.screen;
  }
}

/// 60 patients; gene 0 has four carriers, of whom the only treated one dies first of all. Gene 1 has many.
Cohort one_early_death() {
  Cohort cohort;
  cohort.name = "few carriers";
  std::vector<std::uint64_t> bits(2);
  for (dim_t i = 0; i < 60; ++i) {
    cohort.time.push_back(i == 0 ? 0.5 : 1 + double((i * 37) % 61));
    cohort.event.push_back(i % 5 != 4);
    cohort.treatment.push_back(i % 2 == 0);
    if (i == 0 || i == 11 || i == 21 || i == 31) bits[0] |= std::uint64_t{1} << i;
    if (i % 3 == 0) bits[1] |= std::uint64_t{1} << i;
  }
  cohort.gene_names = {"GA", "GB"};
  cohort.genes = GeneColumns(60, 2, std::move(bits));
  return sort_by_risk(std::move(cohort));
}

TEST(CalibratedScreen, AHandfulOfCarriersIsNoDiscovery) {
  const Cohort cohort = one_early_death();
  for (const std::string& screen : screen_names()) {
    if (screen == "A") continue;  // asks about four carriers, not one
    const GeneTests tests = calibrated_screen(cohort, {.screen = screen, .replicates = 999});
    EXPECT_EQ(tests.status[0], FitStatus::kFewCarriers) << screen;
    // One patient of 30 in the arm: by chance this happens once in 15 to 30 times.
    EXPECT_GT(tests.log10_p[0], -2.2) << screen;
    EXPECT_EQ(tests.bonferroni[0], 1) << screen;
    EXPECT_EQ(tests.bh[0], 1) << screen;
    for (const double p : tests.log10_p) EXPECT_TRUE(std::isfinite(p) && p <= 0) << screen;
  }
}

TEST(CalibratedScreen, StrongEffectsReachBeyondTheReplicates) {
  const GeneTests tests = calibrated_screen(competition(), {.screen = "AFT", .replicates = 200});
  const std::size_t strongest = 34;  // G35
  EXPECT_LT(tests.log10_p[strongest], -6);
  EXPECT_LT(tests.bonferroni[strongest], 0.001);
  EXPECT_GT(tests.log10_p[strongest], tests.model_log10_p[strongest] - 3);
  EXPECT_ERROR(calibrated_screen(competition(), {.screen = "D"}), UsageError, "expected A, B, C");
  EXPECT_ERROR(calibrated_screen(competition(), {.screen = "B", .replicates = 0}), UsageError, "at least 1 replicate");
}

TEST(CalibratedScreen, ThreadsDoNotMatter) {
  const auto runs = engram::testing::at_thread_counts(
      [&] { return calibrated_screen(competition(), {.screen = "OS", .replicates = 50}).log10_p; });
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

TEST(ReferenceLaw, MaximaAreThoseOfManyNormalValues) {
  const Cohort patients = usable_patients(competition(), Likelihood::kLogLogistic);
  const GeneScan scan(patients, {});
  const std::vector<double> maxima = null_maxima(scan, 200, 5, true);
  ASSERT_EQ(maxima.size(), 200u);
  EXPECT_TRUE(std::ranges::is_sorted(maxima));
  EXPECT_NEAR(maxima[100], 3.05, 0.25);  // the median of the largest of 300 independent |z|
  EXPECT_LT(null_maxima(scan, 200, 5)[100], maxima[100]);
}

TEST(ReferenceLaw, FamilyWisePCountsTheReplicatesThatReach) {
  const std::vector<double> maxima = {1, 2, 3, 4};
  EXPECT_DOUBLE_EQ(family_wise_p(maxima, 5), 0.2);
  EXPECT_DOUBLE_EQ(family_wise_p(maxima, 3), 0.6);
  EXPECT_DOUBLE_EQ(family_wise_p(maxima, 0), 1);
}

TEST(FamilyTest, FindsTheCompetitionsGenesOneAfterTheOther) {
  FamilyOptions options;
  options.replicates = 199;
  const FamilyTest test = family_test(competition(), options);
  ASSERT_GE(test.steps.size(), 6u);
  EXPECT_EQ(test.steps.front().gene, 34);  // G35
  for (std::size_t i = 1; i < test.steps.size(); ++i) EXPECT_GE(test.steps[i].p, test.steps[i - 1].p);
  for (const double p : test.p) EXPECT_TRUE(p > 0 && p <= 1);
  EXPECT_EQ(test.tested, 300);
}

// A gene that matters in both arms, and more in one of them, has its main effect in the null model and is tested still.
TEST(FamilyTest, AGeneThatIsAdjustedForIsTestedForItsProduct) {
  const Cohort patients = usable_patients(competition(), Likelihood::kLogLogistic);
  const std::vector<dim_t> adjusted = {34, 0, 1};
  ScanOptions options;
  options.adjust = adjusted;
  const GeneScan plain(patients, {}), scan(patients, options);
  for (const dim_t gene : adjusted) {
    ASSERT_TRUE(scan.testable(gene)) << gene;
    EXPECT_NEAR(scan.z()[std::size_t(gene)], plain.z()[std::size_t(gene)], 0.5) << gene;
    double squares = 0;
    constexpr dim_t kBatches = 100;
    for (dim_t batch = 0; batch < kBatches; ++batch)
      for (const float z : scan.null_statistics(gene, scan.draw(3, batch))) squares += double(z) * z;
    EXPECT_NEAR(squares / double(kBatches * GeneScan::kLanes), 1, 0.25) << gene;
  }
  options.test = ScanTest::kMain;
  EXPECT_FALSE(GeneScan(patients, options).testable(0));
  const FamilyTest test = family_test(competition(), {.adjust = {34}, .replicates = 99});
  EXPECT_EQ(test.tested, 300);
  EXPECT_EQ(test.steps.front().gene, 34);
}

// The same family test, told of the families and not told: it is the families that make the difference.
TEST(FamilyTest, PatientsOfAFamilyAreNoIndependentWitnesses) {
  NullSetting setting = smaller("families", 160, 40);
  setting.family = 8;
  setting.family_deviation = 2;
  int told = 0, untold = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    NullCohort drawn = draw_null_cohort(setting, seed);
    ScanOptions main_effect;
    main_effect.likelihood = Likelihood::kCox;
    main_effect.test = ScanTest::kMain;
    main_effect.treatment = false;
    const auto mains = [&] {
      const GeneScan scan(drawn.cohort, main_effect);
      const std::vector<double> p = calibrated_log10_p(scan, 99, seed);
      return int(std::ranges::count_if(p, [](double log10_p) { return log10_p <= std::log10(0.05); }));
    };
    told += mains();
    drawn.cohort.cluster.clear();
    untold += mains();
  }
  EXPECT_GT(untold, 2 * told);
  EXPECT_LT(told, 30 * 40 * 0.08);
}

// A key gene's decoys, carried by nearly the same patients, stand out as it does: alone they are declared for nothing.
// The key gene of the largest effect is told apart from them.
TEST(TellingApart, ADecoyStandsForAGroupAndNotForItself) {
  const SimulatedCohort made = simulate(scenario("D"), 2);
  const Cohort patients = usable_patients(made.cohort, Likelihood::kLogLogistic);
  const dim_t key = made.truth.key[0], decoy = made.truth.decoy[0];
  FamilyOptions options;
  options.replicates = 99;
  const auto claim_of = [&](dim_t gene) {
    FamilyTest test;
    test.p.assign(std::size_t(patients.num_genes()), 0.01);
    test.steps = {{gene, 7, 0.01}};
    for (std::size_t k = 1; k < made.truth.key.size(); ++k) test.steps.push_back({made.truth.key[k], 7, 0.01});
    ScanOptions scan;
    for (const FamilyStep& step : test.steps) scan.held.push_back(step.gene);
    test.maxima = null_maxima(GeneScan(patients, scan), options.replicates, 1);
    return tell_apart(patients, options, test, {gene}).front();
  };
  const Claim of_decoy = claim_of(decoy), of_key = claim_of(key);
  EXPECT_FALSE(of_decoy.told_apart());
  EXPECT_GE(std::ranges::count(of_decoy.alternatives, key), 1);
  EXPECT_GT(of_decoy.p, 0.05);
  EXPECT_TRUE(of_key.told_apart());
  EXPECT_LT(of_key.p, 0.05);
}

// Whom the same patients carry cannot be told apart by any statistic; whom nobody shares needs not be.
TEST(TellingApart, ACopyIsAlwaysAnAlternative) {
  const SimulatedCohort& made = engram::testing::small_cohort();
  const dim_t strongest = made.truth.key[0], other = made.truth.key[1], place = made.cohort.num_genes() - 1;
  ASSERT_TRUE(strongest != place && other != place);
  Cohort copied = usable_patients(made.cohort, Likelihood::kLogLogistic);
  std::vector<std::uint64_t> bits;
  for (dim_t gene = 0; gene <= place; ++gene) {
    const auto column = copied.genes.bits(gene == place ? strongest : gene);
    bits.insert(bits.end(), column.begin(), column.end());
  }
  copied.genes = GeneColumns(copied.num_patients(), place + 1, std::move(bits));
  FamilyOptions options;
  options.replicates = 99;
  FamilyTest test;
  test.steps = {{strongest, 6, 0.01}, {other, 6, 0.01}};
  test.p.assign(std::size_t(place + 1), 0.01);
  test.maxima.assign(99, 3.0);
  const std::vector<Claim> claims = tell_apart(copied, options, test, {strongest, other});
  EXPECT_EQ(claims[0].alternatives, std::vector<dim_t>{place});
  EXPECT_EQ(claims[0].p, 1);
  EXPECT_TRUE(claims[1].told_apart());
  EXPECT_EQ(claims[1].p, 0.01);
}

// What is declared of a gene holds for every group that it belongs to, so such a group is not declared besides.
TEST(TellingApart, GroupsAreDeclaredWhereNoGeneOfThemIs) {
  std::vector<SelectedGene> genes(4);
  for (int k = 0; k < 4; ++k) {
    genes[std::size_t(k)].gene = k;
    genes[std::size_t(k)].direction_ok = genes[std::size_t(k)].both_scales = k != 3;
  }
  declare_listed({{0, 0.01, {}}, {7, 0.2, {0, 1}}, {8, 0.3, {2, 3}}}, genes);
  EXPECT_TRUE(genes[0].declared);
  EXPECT_FALSE(genes[0].group_declared);
  EXPECT_FALSE(genes[1].group_declared);  // gene 0 is declared, and of the same group
  EXPECT_TRUE(genes[2].group_declared);
  EXPECT_FALSE(genes[2].declared);
  EXPECT_EQ(genes[2].alternatives, (std::vector<dim_t>{3, 8}));
  EXPECT_FALSE(genes[3].group_declared);  // not on both scales
}

TEST(NegativeControl, JudgesByTheNumberOfFalseAlarms) {
  EXPECT_DOUBLE_EQ(binomial_upper_tail(0, 20, 0.05), 1);
  EXPECT_NEAR(binomial_upper_tail(3, 20, 0.05), 0.0755, 1e-4);
  EXPECT_NEAR(binomial_upper_tail(4, 20, 0.05), 0.0159, 1e-4);
  NegativeControl control;
  EXPECT_FALSE(control.failed());  // not run
  control.p = binomial_upper_tail(4, 20, 0.05);
  EXPECT_TRUE(control.failed());
}

TEST(NegativeControl, HoldsOnTheCompetitionsPatients) {
  DeclarationOptions rule;
  rule.family.replicates = 99;
  const ConfoundingReport report = confounding_report(competition(), choose_model(competition()));
  const NegativeControl control = negative_control(competition(), report.propensity, rule, 8);
  ASSERT_EQ(control.found.size(), 8u);
  EXPECT_FALSE(control.failed());
}

TEST(SelectionInference, NothingIsDeclaredWithoutATest) {
  PipelineOptions options;
  options.wrapper.seeds = 1;
  options.wrapper.evaluations = 200;
  options.stability_splits = options.permutations = options.reselections = 0;
  const Selection s = select_genes(engram::testing::small_cohort().cohort, options);
  ASSERT_FALSE(s.genes.empty());
  EXPECT_EQ(std::ranges::count_if(s.genes, &SelectedGene::declared), 0);
  EXPECT_TRUE(s.control.found.empty());
  for (const SelectedGene& g : s.genes) EXPECT_EQ(g.family_p, 1);
}

TEST(SelectiveInterval, IsTheUsualOneFarAboveTheThresholdAndWithoutAChoice) {
  for (const ListingLaw& law : {ListingLaw{3, 0.5, true}, ListingLaw{}}) {
    const SelectiveInterval i = selective_interval(12, law, simultaneous_reach(300));
    EXPECT_NEAR(i.estimate, 12, 1e-3);
    EXPECT_NEAR(i.low, 12 - 1.96, 0.05);
    EXPECT_NEAR(i.high, 12 + 1.96, 0.05);
  }
}

TEST(SelectiveInterval, AtTheThresholdItSaysLittle) {
  const SelectiveInterval i = selective_interval(3.05, {3, 0.2, true}, simultaneous_reach(300));
  EXPECT_LT(i.estimate, 1.8);
  EXPECT_LT(i.low, 0);
  EXPECT_GT(i.high, i.estimate);
  EXPECT_GE(i.low, 3.05 - simultaneous_reach(300));
}

/// The genes of the largest z + 0.6 x (what else the choice looks at) as z and mean, of whom the first ten are listed.
std::vector<std::pair<double, double>> ranked_genes(std::mt19937_64& random, double strongest) {
  std::normal_distribution<double> normal;
  std::vector<std::array<double, 3>> genes;  // what is compared, z, mean
  for (int gene = 0; gene < 300; ++gene) {
    const double mean = gene < 10 ? strongest * gene / 10 : 0, z = mean + normal(random);
    genes.push_back({z + 0.6 * normal(random), z, mean});
  }
  std::ranges::sort(genes, std::greater<>());
  std::vector<std::pair<double, double>> ranked;
  for (const auto& [compared, z, mean] : genes) ranked.emplace_back(z, mean);
  return ranked;
}

// Learnt from lists of noise alone, the law holds for lists of genes of which some have a mean: 95 % of the intervals
// cover it, and half the estimates are too large; hardly any of the usual intervals of noise does.
TEST(SelectiveInterval, HoldsForTheLargestOfMany) {
  std::mt19937_64 random(7);
  ListingDraws noise;
  for (int repeat = 0; repeat < 12; ++repeat) {
    for (const auto& [z, mean] : ranked_genes(random, 0)) {
      noise.z.push_back(z);
      noise.listed.push_back(noise.z.size() % 300 >= 1 && noise.z.size() % 300 <= 10);
    }
  }
  const ListingLaw law = fit_listing_law(noise);
  for (const double strongest : {0.0, 6.0}) {
    int missed = 0, usual_missed = 0, too_large = 0, all = 0;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto ranked = ranked_genes(random, strongest);
      for (int k = 0; k < 10; ++k) {
        const auto [z, mean] = ranked[std::size_t(k)];
        const SelectiveInterval i = selective_interval(z, law, simultaneous_reach(300));
        missed += mean < i.low || mean > i.high;
        too_large += i.estimate > mean;
        usual_missed += std::abs(z - mean) > 1.96;
        ++all;
      }
    }
    EXPECT_NEAR(double(missed) / all, 0.05, 0.04) << strongest;
    EXPECT_NEAR(double(too_large) / all, 0.5, 0.1) << strongest;
    if (strongest == 0) {
      EXPECT_GT(usual_missed, 0.3 * all);
    }
  }
}

// Half of the patients carry the gene, and its carriers live much longer under treatment. The statistic falls with the
// effect that the model is given, however large, and its root is the estimate of the model.
TEST(ScoreInversion, FindsTheEstimateOfACommonGeneWithALargeEffect) {
  NullSetting setting = smaller("null-300", 240, 2);
  setting.lowest_frequency = setting.highest_frequency = 0.45;
  Cohort cohort = draw_null_cohort(setting, 3).cohort;
  for (std::size_t i = 0; i < cohort.time.size(); ++i)
    if (cohort.treatment[i] && cohort.genes.at(dim_t(i), 0)) cohort.time[i] *= 6;
  cohort = sort_by_risk(std::move(cohort));
  for (const Likelihood likelihood : {Likelihood::kCox, Likelihood::kLogLogistic}) {
    ScanOptions options;
    options.likelihood = likelihood;
    options.fit_factor = 1;
    ScoreInversion inversion(cohort, options, 0, 0.35);
    for (double effect = -1; effect < 4; effect += 0.5)
      EXPECT_GT(inversion.statistic(effect), inversion.statistic(effect + 0.5))
          << likelihood_name(likelihood) << effect;
    const JointEffect model = fit_joint_model(cohort, {0}, {}, likelihood).effects.front();
    ASSERT_TRUE(inversion.effect_at(0).has_value());
    // A Cox model with a baseline hazard for each arm is not quite that with a coefficient for treatment.
    EXPECT_NEAR(*inversion.effect_at(0), benefit_sign(likelihood) * model.effect,
                likelihood == Likelihood::kCox ? 0.5 * model.se : 0.01 * model.se);
  }
}

TEST(ListingLaw, IsLearntFromWhatWasListedAndWhatWasNot) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  ListingDraws draws;
  for (int k = 0; k < 20000; ++k) {
    draws.z.push_back(normal(random));
    draws.listed.push_back(draws.z.back() + 0.7 * normal(random) > 2);
  }
  const ListingLaw law = fit_listing_law(draws);
  EXPECT_TRUE(law.selective);
  EXPECT_NEAR(law.threshold, 2, 0.1);
  EXPECT_NEAR(law.softness, 0.7, 0.08);
  EXPECT_NEAR(law.probability(law.threshold), 0.5, 1e-12);
  EXPECT_EQ(ListingLaw{}.probability(-5), 1);
}

TEST(ListingLaw, StaysFiniteWhereTheDrawsDoNotDecide) {
  EXPECT_FALSE(fit_listing_law({{1, 2, 3, 0}, {1, 1, 1, 0}}).selective);
  EXPECT_FALSE(fit_listing_law({}).selective);
  EXPECT_FALSE(fit_listing_law({{1, 2, 3, 0}, {1, 1, 1, 0}}).known);
  EXPECT_TRUE(fit_listing_law({{1, 2, 3, 4, 5, 6}, {1, 1, 1, 1, 1, 1}}).known);
  EXPECT_FALSE(fit_listing_law({{1, 2, 3, 4, 5, 6}, {1, 1, 1, 1, 1, 1}}).selective);
  ListingDraws apart;  // everything listed is above everything that is not
  for (int k = -300; k < 300; ++k) {
    apart.z.push_back(0.01 * k);
    apart.listed.push_back(k >= 200);
  }
  const ListingLaw law = fit_listing_law(apart);
  EXPECT_NEAR(law.threshold, 2, 0.05);
  EXPECT_LT(law.softness, 0.4);
  EXPECT_GE(law.softness, 0.1);
}

// Residuals go to other patients of the arm; what the held gene does stays, what another does goes.
TEST(ResidualReplicates, KeepTheHeldGenesAlone) {
  const SimulatedCohort& made = engram::testing::small_cohort();
  const dim_t held = made.truth.key[0], other = made.truth.key[1];
  const ResidualReplicates replicates(made.cohort, {held}, {}, Likelihood::kLogLogistic);
  const Cohort patients = usable_patients(made.cohort, Likelihood::kLogLogistic);  // times above 0
  double kept = 0, lost = 0;
  constexpr int kDraws = 30;
  for (dim_t index = 0; index < kDraws; ++index) {
    const Cohort replicate = replicates.draw(4, index);
    const auto effects = fit_joint_model(replicate, {held, other}, {}, Likelihood::kLogLogistic).effects;
    kept += effects[0].effect / kDraws;
    lost += effects[1].effect / kDraws;
    EXPECT_EQ(count_treated(replicate), count_treated(patients));
    EXPECT_EQ(count_events(replicate), count_events(patients));
  }
  const auto effects = fit_joint_model(made.cohort, {held}, {}, Likelihood::kLogLogistic).effects;
  EXPECT_NEAR(kept, effects[0].effect, 0.03);
  EXPECT_NEAR(lost, 0, 0.03);
  EXPECT_EQ(replicates.draw(4, 2).time, replicates.draw(4, 2).time);
  EXPECT_NE(replicates.draw(4, 2).time, replicates.draw(4, 3).time);
  EXPECT_NE(replicates.draw(5, 2).time, replicates.draw(4, 2).time);
}

// Entries go with the times, as far before them on the log scale as they were.
TEST(ResidualReplicates, EntriesStayBeforeTheirTimes) {
  const SimulatedCohort& made = engram::testing::small_cohort();
  Cohort late = usable_patients(made.cohort, Likelihood::kLogLogistic);
  for (std::size_t i = 0; i < late.time.size(); ++i) late.entry.push_back(late.time[i] * (i % 3 == 0 ? 0.5 : -1));
  const ResidualReplicates replicates(late, {made.truth.key[0]}, {}, Likelihood::kLogLogistic);
  const Cohort replicate = replicates.draw(4, 0);
  int halves = 0;
  for (std::size_t i = 0; i < replicate.time.size(); ++i) {
    EXPECT_LT(replicate.entry[i], replicate.time[i]);
    halves += std::abs(replicate.entry[i] / replicate.time[i] - 0.5) < 1e-9;
  }
  EXPECT_EQ(halves, int(late.time.size() + 2) / 3);
}

// Of a list of noise the model's own intervals miss most of what they should hold.
TEST(SelectionInference, IntervalsHoldWhereThereIsNothing) {
  CalibrationOptions options;
  options.cohorts = engram::testing::sample_size(5, 3);
  options.replicates = 99;
  options.family = false;
  options.select = true;
  options.reselections = 5;
  const SelectCalibration c = calibrate(smaller("null-300", 150, 40), options).select;
  ASSERT_GT(c.selective_missed.tests, 0);
  EXPECT_LE(c.selective_missed.share(), 0.15);
  EXPECT_GE(c.naive_missed.share(), 0.2);
}

TEST(SelectionInference, RepeatsItselfForItsIntervalsOnAnyNumberOfThreads) {
  PipelineOptions options = without_slow_checks({});
  options.wrapper.seeds = 1;
  options.wrapper.evaluations = 100;
  options.reselections = 3;
  const Cohort& cohort = engram::testing::small_cohort().cohort;
  std::vector<std::vector<double>> runs;
  for (const int threads : {1, 3}) {
    omp_set_num_threads(threads);
    const Selection s = select_genes(cohort, options);
    EXPECT_EQ(s.reselections, 3);
    EXPECT_TRUE(s.listing.selective);
    runs.push_back({s.listing.threshold, s.listing.softness});
    for (const SelectedGene& g : s.genes) {
      EXPECT_LE(g.selective.low, g.selective.effect);
      EXPECT_GE(g.selective.high, g.selective.effect);
      runs.back().push_back(g.selective.low);
    }
  }
  omp_set_num_threads(omp_get_num_procs());
  EXPECT_EQ(runs[0], runs[1]);
  options.reselections = 0;
  for (const SelectedGene& g : select_genes(cohort, options).genes) EXPECT_EQ(g.selective.robust_se, 0);
}

// Everybody twice, as clusters of two: errors are those of the patients, and without the clusters smaller by a root of
// two.
TEST(SelectionInference, ClustersMakeTheErrors) {
  const Cohort& once = engram::testing::small_cohort().cohort;
  std::vector<dim_t> twice;
  for (dim_t i = 0; i < 2 * once.num_patients(); ++i) twice.push_back(i / 2);
  Cohort doubled = select_patients(once, twice);
  const std::vector<dim_t> genes = {engram::testing::small_cohort().truth.key[0]};
  const auto error = [&](const Cohort& cohort) {
    return fit_joint_model(cohort, genes, {}, Likelihood::kLogLogistic, true).effects[0].robust_se;
  };
  EXPECT_NEAR(error(doubled) / error(once), M_SQRT1_2, 0.03);
  for (const dim_t row : doubled.row) doubled.cluster.push_back(std::int32_t(row));
  EXPECT_NEAR(error(doubled) / error(once), 1, 0.04);
}

TEST(NullCohorts, AreTheSameAgainAndOfTheKindTheyName) {
  const NullCohort a = draw_null_cohort(null_setting("families"), 3), b = draw_null_cohort(null_setting("families"), 3);
  EXPECT_EQ(a.cohort.time, b.cohort.time);
  EXPECT_EQ(a.cohort.cluster.size(), 500u);
  const NullCohort few = draw_null_cohort(null_setting("few-deaths"), 1);
  EXPECT_NEAR(double(count_events(few.cohort)), 40, 2);
  const NullCohort responders = draw_null_cohort(null_setting("responders"), 1);
  EXPECT_NEAR(double(count_treated(responders.cohort)) / 500, 0.25, 0.06);
  EXPECT_ERROR(null_setting("other"), UsageError, "got 'other'");
}

}  // namespace
}  // namespace engram::genes
