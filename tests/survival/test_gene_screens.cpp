/// Gene screens against R's results on a file with ties and on the competition data, the filters, and cohorts that no
/// screen can use.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/common/error.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/cohort_io.h"
#include "models/genes/entry_screen.h"
#include "models/genes/null_model.h"
#include "models/genes/robust_screen.h"
#include "models/genes/screens.h"
#include "models/genes/simulator.h"
#include "models/genes/term_model.h"
#include "tests/support/competition_cohort.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/small_cohort.h"
#include "tests/support/survival_cases.h"

namespace engram::genes {
namespace {

using testing::competition;
using testing::NumberTable;
using testing::read_number_table;

const Cohort& simulated_file() {
  static const Cohort cohort = [] {
    CohortRoles roles;
    roles.event = "status";
    roles.clinical = {"Var*"};
    return load_cohort_csv(testing::golden_path("survival/cases/sim_screen.csv"), roles).cohort;
  }();
  return cohort;
}

/// Compares a column; rows where R's fit is nearly separated are left out, as its README asks.
class GoldenScreen {
 public:
  explicit GoldenScreen(const std::string& file) : table_(read_number_table("golden/" + file)) {}

  void compare(const std::string& column, const std::vector<double>& got, double relative, const char* model) const {
    ASSERT_EQ(got.size(), table_.rows());
    int compared = 0;
    for (std::size_t j = 0; j < got.size(); ++j) {
      if (nearly_separated(j, model)) continue;
      const double expected = table_.at(column)[j];
      EXPECT_NEAR(got[j], expected, relative * (1e-3 + std::abs(expected))) << column << " of gene " << j + 1;
      ++compared;
    }
    EXPECT_GT(compared, static_cast<int>(got.size()) * 9 / 10);
  }

  std::vector<double> column(const std::string& name) const { return table_.at(name); }

 private:
  bool nearly_separated(std::size_t j, const std::string& model) const {
    for (const std::string& term :
         model == "A" ? std::vector<std::string>{""} : std::vector<std::string>{"_g", "_gt"}) {
      const std::string coef = model == "A" ? "A_coef" : model + term,
                        se = model == "A" ? "A_se" : model + "_se" + term;
      if (std::abs(table_.at(coef)[j]) > 8 || table_.at(se)[j] > 50) return true;
    }
    return false;
  }

  NumberTable table_;
};

void expect_screens(const Cohort& cohort, const std::string& file, TieMethod ties) {
  const GoldenScreen golden(file);
  const GeneFits a = screen_a(cohort, ties);
  golden.compare("A_coef", a.coef_g, 1e-7, "A");
  golden.compare("A_se", a.se_g, 1e-7, "A");
  golden.compare("A_loglik", a.loglik, 1e-10, "A");
  golden.compare("A_score", a.score_gt, 1e-9, "A");
  const GeneFits b = screen_b(cohort, ties);
  golden.compare("B_g", b.coef_g, 1e-7, "B");
  golden.compare("B_t", b.coef_t, 1e-7, "B");
  golden.compare("B_gt", b.coef_gt, 1e-7, "B");
  golden.compare("B_se_g", b.se_g, 1e-7, "B");
  golden.compare("B_se_gt", b.se_gt, 1e-7, "B");
  golden.compare("B_loglik", b.loglik, 1e-10, "B");
  golden.compare("B_lrt_gt", b.lrt_gt, 1e-6, "B");
  const GeneFits c = screen_c(cohort, ties);
  golden.compare("C_g", c.coef_g, 1e-7, "C");
  golden.compare("C_t", c.coef_t, 1e-7, "C");
  golden.compare("C_gt", c.coef_gt, 1e-7, "C");
  golden.compare("C_se_g", c.se_g, 1e-7, "C");
  golden.compare("C_se_t", c.se_t, 1e-7, "C");
  golden.compare("C_se_gt", c.se_gt, 1e-7, "C");
  golden.compare("C_loglik", c.loglik, 1e-10, "C");
  golden.compare("C_lrt_gt", c.lrt_gt, 1e-6, "C");
  golden.compare("C_score_gt", c.score_gt, 1e-7, "C");
  const GeneTests tests = tests_of(c, "C");
  const std::vector<double> p = golden.column("C_p_lrt"), bh = golden.column("C_bh_lrt");
  for (std::size_t j = 0; j < p.size(); ++j) {
    if (c.status[j] != FitStatus::kOk) continue;
    EXPECT_NEAR(tests.log10_p[j], std::log10(p[j]), 1e-6 * (1 - std::log10(p[j])));
  }
  EXPECT_TRUE(std::ranges::all_of(tests.bh, [](double q) { return q > 0 && q <= 1; }));
}

TEST(GeneScreens, SimulatedFileAsRWithEfronTies) {
  expect_screens(simulated_file(), "screen_sim_efron.csv", TieMethod::kEfron);
}

TEST(GeneScreens, SimulatedFileAsRWithBreslowTies) {
  expect_screens(simulated_file(), "screen_sim_breslow.csv", TieMethod::kBreslow);
}

TEST(GeneScreens, CompetitionDataAsR) {
  expect_screens(competition(), "screen_hackathon_efron.csv", TieMethod::kEfron);
}

TEST(GeneScreens, AdjustedPValuesAreThoseOfR) {
  const GoldenScreen golden("screen_hackathon_efron.csv");
  const GeneTests tests = tests_of(screen_c(competition()), "C");
  const std::vector<double> expected = golden.column("C_bh_lrt"), p = golden.column("C_p_lrt");
  for (std::size_t j = 0; j < expected.size(); ++j) {
    EXPECT_NEAR(tests.bh[j], expected[j], 1e-6);
    EXPECT_NEAR(tests.bonferroni[j], std::min(1.0, 300 * p[j]), 1e-6);
  }
}

TEST(GeneScreens, OneStepEstimatesFollowTheExactOnes) {
  // Measured with R: correlation with the Wald z 0.98; 7 of the inferred key among the best ten.
  const GeneTests one_step = score_screen(competition()).os;
  const GeneFits exact = screen_c(competition());
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t j = 0; j < one_step.z.size(); ++j) {
    const double wald = exact.coef_gt[j] / exact.se_gt[j];
    xy += one_step.z[j] * wald;
    xx += one_step.z[j] * one_step.z[j];
    yy += wald * wald;
  }
  EXPECT_GT(xy / std::sqrt(xx * yy), 0.975);
}

/// Members of the inferred key among the ten genes with the largest statistic, and the worst rank of a member.
std::pair<int, int> key_in_ranking(const std::vector<double>& statistic) {
  const std::set<dim_t> key = {5, 32, 34, 87, 135, 160, 164, 192, 203, 220};
  std::vector<dim_t> order(statistic.size());
  for (std::size_t j = 0; j < order.size(); ++j) order[j] = static_cast<dim_t>(j);
  std::sort(order.begin(), order.end(), [&](dim_t a, dim_t b) {
    return statistic[static_cast<std::size_t>(a)] > statistic[static_cast<std::size_t>(b)];
  });
  int hits = 0, worst = 0;
  for (std::size_t r = 0; r < order.size(); ++r) {
    if (!key.contains(order[r])) continue;
    hits += r < 10;
    worst = static_cast<int>(r) + 1;
  }
  return {hits, worst};
}

std::vector<double> absolute(std::vector<double> z) {
  for (double& value : z) value = std::abs(value);
  return z;
}

/// The AFT score test with ones for weights.
std::vector<double> least_squares_aft_z(const Cohort& all) {
  const Cohort cohort = select_patients(all, positive_times(all));
  const AftNullModel null = fit_aft_null(cohort);
  const dim_t columns = static_cast<dim_t>(null.covariates.size()) / cohort.num_patients();
  const kernels::ScorePanel panel =
      kernels::make_parametric_panel(null.u.data(), std::vector<double>(cohort.time.size(), 1.0).data(),
                                     null.covariates.data(), columns, cohort.treatment.data(), cohort.num_patients());
  std::vector<double> stats(static_cast<std::size_t>(cohort.num_genes() * kernels::kNumScoreStatistics)), z;
  kernels::kCpuSurvivalScreen.score({}, panel.args(cohort.genes.view(), stats.data()));
  for (std::size_t j = 0; j < stats.size(); j += kernels::kNumScoreStatistics) {
    z.push_back(stats[j + kernels::kScoreGt] / std::sqrt(stats[j + kernels::kInformationGt]));
  }
  return z;
}

TEST(GeneScreens, RanksOfTheInferredKeyAreThoseOfTheSpecification) {
  // Measured with R: hits in the top ten, worst rank, each two-sided.
  const ScoreScreen scores = score_screen(competition());
  EXPECT_EQ(key_in_ranking(absolute(scores.os.z)), (std::pair{7, 102}));
  EXPECT_EQ(key_in_ranking(absolute(scores.s1.z)), (std::pair{5, 156}));
  EXPECT_EQ(key_in_ranking(scores.s2.z), (std::pair{5, 174}));
  EXPECT_EQ(key_in_ranking(absolute(tests_of(screen_c(competition()), "C").z)), (std::pair{7, 99}));
  EXPECT_EQ(key_in_ranking(absolute(tests_of(screen_b(competition()), "B").z)), (std::pair{2, 267}));
  EXPECT_EQ(key_in_ranking(absolute(tests_of(screen_a(competition()), "A").z)), (std::pair{2, 283}));
  const GeneFits arm = screen_treated_arm(competition());
  std::vector<double> wald;
  for (std::size_t j = 0; j < arm.coef_g.size(); ++j) wald.push_back(std::abs(arm.coef_g[j] / arm.se_g[j]));
  EXPECT_EQ(key_in_ranking(wald), (std::pair{6, 93}));
  EXPECT_EQ(key_in_ranking(absolute(tests_of(arm, "TA").z)), (std::pair{7, 92}));  // by likelihood ratio
  // A run in R residualised by ordinary least squares. With the second derivatives as weights, as its
  // formula has them and the screen does it, one member fewer is in the top ten two-sided; with the direction, 9 are.
  EXPECT_EQ(key_in_ranking(absolute(least_squares_aft_z(competition()))), (std::pair{7, 24}));
  const std::vector<double> z = aft_screen(competition()).z;
  EXPECT_EQ(key_in_ranking(absolute(z)), (std::pair{6, 28}));
  EXPECT_EQ(key_in_ranking(z), (std::pair{9, 18}));
}

TEST(GeneScreens, OffsetOfTheNullModelBringsModelBCloseToC) {
  const Cohort& cohort = competition();
  const GeneFits full = screen_c(cohort), plain = screen_b(cohort);
  // The clinical linear predictor at the fit of a gene that matters little.
  const std::vector<double> offset(cohort.time.size(), 0.7);
  const GeneFits shifted = screen_b(cohort, TieMethod::kEfron, &offset);
  for (std::size_t j = 0; j < full.coef_gt.size(); ++j) {  // a constant offset changes nothing
    EXPECT_NEAR(shifted.coef_gt[j], plain.coef_gt[j], 1e-9);
    EXPECT_NEAR(shifted.loglik[j], plain.loglik[j], 1e-8);
  }
}

TEST(GeneScreens, JointFilterHasTheStoredOrder) {
  const nlohmann::json golden = nlohmann::json::parse(testing::golden_text("wrapper_hackathon.json"));
  const std::vector<FilteredGene> filtered = joint_filter(competition());
  const auto order = golden["filter60_in_order"].get<std::vector<int>>();
  const auto z = golden["joint_cox_z"].get<std::vector<double>>();
  ASSERT_EQ(filtered.size(), order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    EXPECT_EQ(filtered[k].gene + 1, order[k]);
    EXPECT_NEAR(filtered[k].cox_z, z[static_cast<std::size_t>(filtered[k].gene)], 1e-6);
  }
}

TEST(GeneScreens, DefaultFilterKeepsTheInferredKey) {
  const std::vector<FilteredGene> filtered = default_filter(competition());
  EXPECT_LE(filtered.size(), 100u);
  EXPECT_GT(filtered.size(), 60u);
  std::set<dim_t> genes;
  for (const FilteredGene& f : filtered) {
    genes.insert(f.gene);
    EXPECT_TRUE(f.cox_z < 0 || f.aft_z > 0);
  }
  EXPECT_EQ(genes.size(), filtered.size());
  for (const dim_t gene : {5, 32, 34, 87, 135, 160, 164, 192, 203, 220}) EXPECT_TRUE(genes.contains(gene)) << gene + 1;
  FilterOptions few;
  few.at_most = 7;
  const std::vector<FilteredGene> seven = default_filter(competition(), few);
  ASSERT_EQ(seven.size(), 7u);
  for (std::size_t k = 0; k < 7; ++k) EXPECT_EQ(seven[k].gene, filtered[k].gene);
  few.at_most = 0;
  EXPECT_ERROR(default_filter(competition(), few), UsageError, "at most 1 or more genes");
}

TEST(GeneScreens, AShortlistIsRefittedExactly) {
  const std::vector<dim_t> only = {250, 3, 87};
  const GeneFits all = screen_c(competition()), some = screen_c(competition(), TieMethod::kEfron, only);
  for (std::size_t k = 0; k < only.size(); ++k) {
    EXPECT_EQ(some.coef_gt[k], all.coef_gt[static_cast<std::size_t>(only[k])]);
    EXPECT_EQ(some.lrt_gt[k], all.lrt_gt[static_cast<std::size_t>(only[k])]);
  }
}

TEST(GeneScreens, ThreadsDoNotMatter) {
  const auto runs = engram::testing::at_thread_counts([&] {
    const ScoreScreen scores = score_screen(simulated_file());
    const GeneFits c = screen_c(simulated_file()), b = screen_b(simulated_file());
    std::vector<std::vector<double>> values = {
        scores.os.z, scores.s1.z, scores.s2.z, c.coef_gt, c.se_gt, b.lrt_gt, aft_screen(simulated_file()).z};
    return values;
  });
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

/// A small simulated cohort to damage.
Cohort three_patients() {
  SimulatorSettings settings;
  settings.patients = 120;
  settings.genes = 30;
  settings.clinical_parents = 3;
  return simulate(settings, 5).cohort;
}

/// The cohort with gene `gene` carried by those for whom `carries(position)`.
template <class Carries>
void replace_gene(Cohort& cohort, dim_t gene, const Carries& carries) {
  std::vector<std::uint64_t> bits;
  for (dim_t j = 0; j < cohort.num_genes(); ++j)
    bits.insert(bits.end(), cohort.genes.bits(j).begin(), cohort.genes.bits(j).end());
  const dim_t words = GeneColumns::words_per_gene(cohort.num_patients());
  for (dim_t w = 0; w < words; ++w) bits[static_cast<std::size_t>(gene * words + w)] = 0;
  for (dim_t i = 0; i < cohort.num_patients(); ++i) {
    bits[static_cast<std::size_t>(gene * words + i / 64)] |= std::uint64_t{carries(i)} << (i % 64);
  }
  cohort.genes = GeneColumns(cohort.num_patients(), cohort.num_genes(), std::move(bits));
}

void expect_finite(const GeneTests& tests) {
  for (const auto* values : {&tests.effect, &tests.se, &tests.z, &tests.log10_p, &tests.bh, &tests.bonferroni}) {
    ASSERT_EQ(values->size(), tests.status.size());
    EXPECT_TRUE(std::ranges::all_of(*values, [](double v) { return std::isfinite(v); })) << tests.screen;
  }
}

TEST(GeneScreens, HopelessGenesGiveFiniteRowsWithAStatus) {
  Cohort cohort = three_patients();
  replace_gene(cohort, 0, [](dim_t) { return false; });
  replace_gene(cohort, 1, [](dim_t) { return true; });
  replace_gene(cohort, 2, [&](dim_t i) { return cohort.treatment[static_cast<std::size_t>(i)] == 1; });
  replace_gene(cohort, 3, [&](dim_t i) { return cohort.treatment[static_cast<std::size_t>(i)] == 0 && i % 3 == 0; });
  replace_gene(cohort, 4, [](dim_t i) { return i >= 116; });  // the first to die: separated
  const ScoreScreen scores = score_screen(cohort);
  const std::vector<GeneTests> all = {scores.s1,
                                      scores.s2,
                                      scores.os,
                                      aft_screen(cohort),
                                      tests_of(screen_a(cohort), "A"),
                                      tests_of(screen_b(cohort), "B"),
                                      tests_of(screen_c(cohort), "C"),
                                      tests_of(screen_treated_arm(cohort), "TA")};
  for (const GeneTests& tests : all) {
    expect_finite(tests);
    for (const std::size_t gene : {0, 1}) {
      if (gene == 1 && tests.screen != "A" && tests.screen != "TA") continue;  // its product is treatment itself
      EXPECT_EQ(tests.status[gene], FitStatus::kNotEstimable) << tests.screen;
      EXPECT_EQ(tests.effect[gene], 0);
      EXPECT_EQ(tests.z[gene], 0);
      EXPECT_EQ(tests.log10_p[gene], 0);
      EXPECT_EQ(tests.bh[gene], 1);
    }
  }
  for (const GeneTests* tests : {&all[2], &all[5], &all[6]}) {
    for (const std::size_t gene : {1, 2, 3})
      EXPECT_EQ(tests->status[gene], FitStatus::kNotEstimable) << tests->screen << " " << gene;
  }
  EXPECT_EQ(all[4].status[4], FitStatus::kSeparated);
}

TEST(GeneScreens, CohortsThatNoScreenCanUseAreRefused) {
  Cohort everybody = three_patients();
  std::fill(everybody.treatment.begin(), everybody.treatment.end(), 1);
  EXPECT_ERROR(score_screen(everybody), DataError, "expected treated and untreated patients, got 120 treated of 120");
  EXPECT_ERROR(screen_b(everybody), DataError, "no interaction can be estimated");
  EXPECT_ERROR(screen_c(everybody), DataError, "no interaction can be estimated");
  EXPECT_ERROR(aft_screen(everybody), DataError, "no interaction can be estimated");
  EXPECT_NO_THROW(screen_a(everybody));
  Cohort nobody = three_patients();
  std::fill(nobody.event.begin(), nobody.event.end(), 0);
  EXPECT_ERROR(screen_a(nobody), DataError, "expected at least one death, got none");
  EXPECT_ERROR(default_filter(nobody), DataError, "expected at least one death");
  EXPECT_ERROR(joint_filter(nobody), DataError, "expected at least one death");
  EXPECT_ERROR(joint_filter(simulate(scenario("S"), 1).cohort), DataError,
               "expected at least two deaths for each of the 2011 terms");
}

/// Effects and errors of two screens of the same genes.
void expect_same(const GeneTests& a, const GeneTests& b, const std::string& screen) {
  ASSERT_EQ(a.size(), b.size()) << screen;
  for (std::size_t j = 0; j < a.effect.size(); ++j) {
    ASSERT_EQ(a.status[j], b.status[j]) << screen << " " << j;
    EXPECT_NEAR(a.effect[j], b.effect[j], 1e-5) << screen << " " << j;
    EXPECT_NEAR(a.se[j], b.se[j], 1e-5) << screen << " " << j;
  }
}

// A patient's follow-up in two rows, of which the second begins where the first ends, is the same follow-up. Without
// entries the screens are the full fits that they are elsewhere.
TEST(EntryScreens, RowsCutInTwoAreTheSameFollowUp) {
  const Cohort whole = usable_patients(engram::testing::small_cohort().cohort, Likelihood::kLogLogistic);
  const Cohort cut = engram::testing::cut_in_two(whole);
  for (const char* screen : {"A", "B", "C", "TA", "AFT"})
    expect_same(entry_screen(whole, screen), entry_screen(cut, screen), screen);
  const GeneTests full = robust_screen(whole, {.robust = false});
  expect_same(entry_screen(whole, "C"), full, "C");
  for (std::size_t j = 0; j < full.bh.size(); ++j) {  // probabilities, not their logarithms
    EXPECT_GE(full.bh[j], std::pow(10, full.log10_p[j]) * 0.999999);
    EXPECT_LE(full.bh[j], full.bonferroni[j] + 1e-12);
    EXPECT_LE(full.bonferroni[j], 1);
  }
  const GeneTests calibrated = calibrated_screen(cut, {.screen = "C", .replicates = 100}),
                  fitted = entry_screen(cut, "C");
  EXPECT_EQ(calibrated.model_log10_p, fitted.log10_p);
  EXPECT_NE(calibrated.log10_p, fitted.log10_p);
}

TEST(EntryScreens, ScreensWhoseRiskSetsBeginAtZeroAreRefused) {
  const Cohort cut = engram::testing::cut_in_two(engram::testing::small_cohort().cohort);
  for (const char* screen : {"S1", "S2", "OS"}) {
    EXPECT_FALSE(knows_entries(screen));
    EXPECT_ERROR(calibrated_screen(cut, {.screen = screen, .replicates = 10}), UsageError,
                 "expected A, B, C, TA or AFT for patients with entry times, got " + std::string(screen));
  }
}

}  // namespace
}  // namespace engram::genes
