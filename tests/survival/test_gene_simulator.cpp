/// The simulator: portable functions, stored bytes, the ranges measured for scenario H, what each option changes, and
/// settings that are refused.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "engine/io/sha256.h"
#include "kernels/common/error.h"
#include "models/genes/cohort_io.h"
#include "models/genes/null_model.h"
#include "models/genes/portable_math.h"
#include "models/genes/simulator.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/temp_folder.h"

namespace engram::genes {
namespace {

TEST(PortableMath, AgreesWithTheLibrary) {
  for (double x = 1e-300; x < 1e300; x *= 1.7)
    EXPECT_NEAR(portable_log(x), std::log(x), 5e-16 * (0.01 + std::abs(std::log(x))));
  for (double x = 0.7; x < 1.5; x += 0.0031)
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-15 * std::abs(std::log(x)) + 1e-17);
  for (double x = -700; x < 700; x += 0.37) EXPECT_NEAR(portable_exp(x), std::exp(x), 1e-15 * std::exp(x));
  EXPECT_EQ(portable_exp(-1000), 0);
  EXPECT_TRUE(std::isinf(portable_exp(1000)));
  for (double x = -9; x < 9; x += 0.13) {
    EXPECT_NEAR(portable_logistic(x), 1 / (1 + std::exp(-x)), 1e-15);
    EXPECT_NEAR(portable_normal_cdf(x), 0.5 * std::erfc(-x / std::sqrt(2)), 2e-15);
  }
  for (const double p : {1e-6, 0.02, 0.1, 0.5, 0.9})
    EXPECT_NEAR(portable_normal_cdf(portable_normal_quantile(p)), p, 1e-12);
}

/// Mean, variance and third central moment of 20000 draws.
template <class Draw>
std::array<double, 3> moments(const Draw& draw) {
  constexpr int kDraws = 20000;
  const PurposeStream stream(11, "moments");
  std::vector<double> x;
  double mean = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    PurposeStream::Item item = stream.item(i);
    x.push_back(draw(item));
    mean += x.back() / kDraws;
  }
  double variance = 0, third = 0;
  for (const double v : x) {
    variance += (v - mean) * (v - mean) / kDraws;
    third += (v - mean) * (v - mean) * (v - mean) / kDraws;
  }
  return {mean, variance, third};
}

void expect_moments(const std::array<double, 3>& got, double mean, double variance, double third) {
  EXPECT_NEAR(got[0], mean, 4 * std::sqrt(variance / 20000));
  EXPECT_NEAR(got[1], variance, 0.05 * variance);
  EXPECT_NEAR(got[2], third, 0.25 * std::pow(variance, 1.5));
}

TEST(PortableMath, DistributionsHaveTheirMoments) {
  using Item = PurposeStream::Item;
  expect_moments(moments([](Item& i) { return i.uniform(); }), 0.5, 1. / 12, 0);
  expect_moments(moments([](Item& i) { return i.normal(); }), 0, 1, 0);
  expect_moments(moments([](Item& i) { return i.logistic(); }), 0, 1, 0);
  expect_moments(moments([](Item& i) { return i.exponential(); }), 1, 1, 2);
  expect_moments(moments([](Item& i) { return i.gamma(2.41); }), 2.41, 2.41, 2 * 2.41);
  expect_moments(moments([](Item& i) { return i.gamma(0.5); }), 0.5, 0.5, 1);
  expect_moments(moments([](Item& i) { return i.beta(2, 18); }), 0.1, 0.1 * 0.9 / 21,
                 2 * 16 * std::sqrt(21.) / (22 * 6) * std::pow(0.1 * 0.9 / 21, 1.5));
  expect_moments(moments([](Item& i) { return double(i.integer(6)); }), 2.5, 35. / 12, 0);
}

std::string digest(const std::filesystem::path& file) {
  return io::sha256_hex(io::read_file(file));
}

TEST(Simulator, WritesTheStoredBytes) {
  // Every platform, compiler and thread count has to give these files.
  const test::TempFolder folder;
  SimulatorSettings settings = scenario("D");
  settings.patients = 200;
  settings.genes = 60;
  settings.beta_frequencies = true;
  settings.noise = Noise::kLogistic;
  settings.censoring = Censoring::kInformative;
  save_simulation(simulate(settings, 42), folder / "d");
  save_simulation(simulate(scenario("H"), 1), folder / "h");
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"d/Clinical_Variables.csv", "0627deb35ec1cad70bec0e380b79fa6d9961f6114f70fee5e67020f54637085b"},
      {"d/Genetic_alterations.csv", "84a882fec6f5aae00fdcfacbc300359b6aba11e11ade128cdde7252cc0a89c5c"},
      {"d/Survival_time_event.csv", "8c5c6623252a7297fc45085552aa350d7eb3e6529a9022b0d37f1a5f7f02c84c"},
      {"d/Treatment.csv", "85fc2c1f273bf370c3456db0da67af62d4b1804214a6b53829c8b837dafb130e"},
      {"d/truth.json", "ae4a4a5f4fddfde8276c07c6278ddcbe9cda513b0a29791d6df59d273b5d48d1"},
      {"h/Clinical_Variables.csv", "240559ed482089d45c0df9775c33bce8bc30922ac6d998854a176756c96aa894"},
      {"h/Genetic_alterations.csv", "072e9b5b409f1c127769d87ed9f634c65c81c9a85c9f4b4ee749db42bad28f2e"},
      {"h/Survival_time_event.csv", "46eccedc6bd5eb6b61f1391d5155fe4907197c4993a62ace6855ab3712c774e2"},
      {"h/Treatment.csv", "fc6f98f736349dfd41674c42d4f3c6cc1e794361e8e0b1eaab561111b225dc5d"},
      {"h/truth.json", "19510574f7567fb3dfaed821ef13cd9b19dff6ea03f40bcbcd77a4a3ae8a0f1a"}};
  for (const auto& [file, sha] : expected) EXPECT_EQ(digest(folder / file), sha) << file;
}

TEST(Simulator, EveryScenarioWritesTheStoredBytes) {
  const test::TempFolder folder;
  const std::vector<std::pair<std::string, const char*>> expected = {
      {"H", "93a6c9e2f9fc242054f2b3e150d3a36329eae9d09e99d81c3b805ff2f5a3a725"},
      {"R", "6b1f5f335d51af2680313698bec2b44b07df7e8292f21cacc2357ebc427e8281"},
      {"C", "2787220911f12cee25b085ad4815a644254f6d2ad668a3f29b031f5212b7f4df"},
      {"D", "d126ff1caa775b80b78f69303b744bb2e21c9a8fc339ae8530eab5fe97025ffc"},
      {"W", "637cabde73b26ad842c8756fd35b63619f2ca7f624b7e693b6ed0b681b9978ef"},
      {"S", "80cf838375bfee900d3633a6c0f4b04ddcc2a718401ddaa5aa6477eb49556aaf"},
      {"L", "a88e102d432eb5d95097ae44fbda29e9ce0891da29af9710411a118ba23773fb"},
      {"N", "3365337d8c974b337e789fe98976ca0063190f87b36628c010df9b37067859a6"},
      {"X", "d49cf7769487650d0aa766c76a2d4b06400d427daae7a4c0bd9ed69c3cd56c0a"}};
  ASSERT_EQ(expected.size(), scenario_names().size());
  for (const auto& [name, sha] : expected) {
    SimulatorSettings settings = scenario(name);
    settings.patients = 150;
    settings.genes = 80;
    save_simulation(simulate(settings, 5), folder / name);
    std::string digests;
    for (const char* file : {"Clinical_Variables.csv", "Genetic_alterations.csv", "Survival_time_event.csv",
                             "Treatment.csv", "truth.json"})
      digests += digest(folder / name / file);
    EXPECT_EQ(io::sha256_hex(io::as_bytes(digests)), sha) << name;
  }
}

TEST(Simulator, DoesNotDependOnThreads) {
  const auto runs = engram::testing::at_thread_counts([&] {
    const SimulatedCohort s = simulate(scenario("D"), 7);
    return truth_json(s) + std::to_string(s.cohort.genes.count(17)) + std::to_string(s.cohort.time[500]);
  });
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Probability that a treated patient's clinical propensity is above that of an untreated one.
double treatment_auc(const SimulatedCohort& s) {
  constexpr double kClinical[] = {-0.065, 0.116, 0.174, 0.098, 0.062, 0.035, 0.041, -0.006, 0.079, -0.030};
  std::vector<std::pair<double, int>> by_score;
  for (std::size_t i = 0; i < s.cohort.time.size(); ++i) {
    double score = 0;
    for (dim_t k = 0; k < 10; ++k) score += kClinical[k] * s.cohort.clinical_column(k)[i];
    by_score.emplace_back(score, s.cohort.treatment[i]);
  }
  std::sort(by_score.begin(), by_score.end());
  double below = 0, concordant = 0, treated = 0;
  for (const auto& [score, arm] : by_score) {
    if (arm)
      concordant += below, ++treated;
    else
      ++below;
  }
  return concordant / (below * treated);
}

TEST(Simulator, ScenarioHLooksLikeTheCompetitionData) {
  // Section 2.1's ranges, from four seeds in R, widened by the spread of other seeds.
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const SimulatedCohort s = simulate(scenario("H"), seed);
    const Cohort& c = s.cohort;
    ASSERT_EQ(c.num_patients(), 1000);
    ASSERT_EQ(c.num_genes(), 300);
    EXPECT_GT(count_treated(c), 450);
    EXPECT_LT(count_treated(c), 530);
    EXPECT_GT(count_events(c), 860);
    EXPECT_LT(count_events(c), 920);
    // The formula gives log Y the mean 3.897; the data have the median 47 and the mean 52.
    EXPECT_NEAR(median(c.time), 47.5, 2.5);
    double mean = 0, mean_log = 0;
    for (std::size_t i = 0; i < 1000; ++i) {
      mean += c.time[i] / 1000;
      mean_log += std::log(s.truth.uncensored_time[i]) / 1000;
    }
    EXPECT_NEAR(mean, 52.5, 2.5);
    EXPECT_NEAR(mean_log, 3.897, 0.05);
    EXPECT_GT(c.time.front(), 150);
    EXPECT_LT(c.time.front(), 330);
    EXPECT_GT(treatment_auc(s), 0.6);
    EXPECT_LT(treatment_auc(s), 0.68);
    const CoxNullModel base = fit_cox_null(c, kernels::CoxTies::kEfron, true, true);
    EXPECT_GT(base.coefficient[0], -1.8);
    EXPECT_LT(base.coefficient[0], -1.3);
    double carriers = 0;
    for (dim_t j = 0; j < 300; ++j) carriers += static_cast<double>(c.genes.count(j));
    EXPECT_NEAR(carriers / 300000, 0.1, 0.003);
  }
}

TEST(Simulator, TruthIsThatOfTheCohort) {
  const SimulatedCohort s = simulate(scenario("D"), 3);
  const SimulationTruth& t = s.truth;
  ASSERT_EQ(t.key.size(), 10u);
  ASSERT_EQ(t.decoy.size(), 20u);
  for (std::size_t i = 0; i < s.cohort.time.size(); ++i) {
    const auto row = static_cast<std::size_t>(s.cohort.row[i]);
    double gain = 0.03;
    for (std::size_t k = 0; k < 10; ++k)
      gain += s.cohort.genes.at(static_cast<dim_t>(i), t.key[k]) ? t.key_effect[k] : 0;
    EXPECT_NEAR(t.individual_effect[row], gain, 1e-12);
    if (s.cohort.event[i]) {
      EXPECT_EQ(t.uncensored_time[row], s.cohort.time[i]);
    } else {
      EXPECT_GT(t.uncensored_time[row], s.cohort.time[i]);
    }
  }
  // A decoy agrees with its key gene where it was copied (0.8), and otherwise by chance (0.82 at frequency 0.1).
  double agree = 0;
  for (std::size_t d = 0; d < 20; ++d) {
    for (dim_t i = 0; i < 1000; ++i) agree += s.cohort.genes.at(i, t.decoy[d]) == s.cohort.genes.at(i, t.decoy_of[d]);
  }
  EXPECT_NEAR(agree / 20000, 0.8 + 0.2 * 0.82, 0.01);
  std::vector<dim_t> roles = t.key;
  roles.insert(roles.end(), t.prognostic.begin(), t.prognostic.end());
  roles.insert(roles.end(), t.decoy.begin(), t.decoy.end());
  std::sort(roles.begin(), roles.end());
  EXPECT_EQ(std::adjacent_find(roles.begin(), roles.end()), roles.end());
}

TEST(Simulator, ScenariosChangeWhatTheySay) {
  const auto simulate_named = [](const char* name) { return simulate(scenario(name), 9); };
  const SimulatedCohort h = simulate_named("H"), r = simulate_named("R"), c = simulate_named("C"),
                        n = simulate_named("N"), w = simulate_named("W");
  // A randomised trial: one propensity for all.
  for (const double p : r.truth.propensity) EXPECT_NEAR(p, 0.49, 1e-9);
  double mean = 0;
  for (const double p : c.truth.propensity) mean += p / 1000;
  EXPECT_NEAR(mean, 0.49, 1e-9);
  EXPECT_EQ(c.truth.treatment_genes.size(), 5u);
  EXPECT_TRUE(n.truth.key.empty());
  for (const double effect : n.truth.individual_effect) EXPECT_EQ(effect, 0.03);
  // Other purposes keep their numbers.
  for (dim_t j = 0; j < 300; ++j) EXPECT_EQ(h.cohort.genes.count(j), w.cohort.genes.count(j));
  EXPECT_EQ(h.truth.hidden, w.truth.hidden);
  EXPECT_EQ(h.truth.propensity, w.truth.propensity);
  EXPECT_NE(h.truth.uncensored_time, w.truth.uncensored_time);
  EXPECT_EQ(simulate_named("S").cohort.num_genes(), 2000);
  EXPECT_EQ(scenario("X").patients, 50000);
  EXPECT_EQ(scenario("L").key_scale, 0.5);
  EXPECT_EQ(scenario_names().size(), 9u);
}

TEST(Simulator, MorePatientsLeaveTheFirstOnesAsTheyWere) {
  SimulatorSettings few = scenario("H"), many = few;
  few.patients = 100;
  many.patients = 150;
  const SimulationTruth a = simulate(few, 4).truth, b = simulate(many, 4).truth;
  EXPECT_TRUE(std::equal(a.uncensored_time.begin(), a.uncensored_time.end(), b.uncensored_time.begin()));
  EXPECT_TRUE(std::equal(a.propensity.begin(), a.propensity.end(), b.propensity.begin()));
}

TEST(Simulator, OptionsTakeEffect) {
  SimulatorSettings s = scenario("H");
  s.censoring = Censoring::kRandom;
  s.censoring_rate = 0.4;
  const SimulatedCohort random = simulate(s, 6);
  EXPECT_NEAR(static_cast<double>(count_events(random.cohort)), 600, 1);
  EXPECT_GT(random.cohort.time.back(), 0);
  s.censoring = Censoring::kInformative;
  EXPECT_NEAR(static_cast<double>(count_events(simulate(s, 6).cohort)), 600, 1);

  s = scenario("H");
  s.time_grid = 5;
  for (const double t : simulate(s, 6).cohort.time) EXPECT_EQ(std::fmod(t, 5), 0);
  s = scenario("H");
  s.censoring_shift = 60;
  EXPECT_LT(simulate(s, 6).cohort.time.back(), 0);
  s.redraw_negative_times = true;
  EXPECT_GT(simulate(s, 6).cohort.time.back(), 0);

  s = scenario("H");
  s.clip_clinical = true;
  const Cohort clipped = simulate(s, 6).cohort;
  EXPECT_EQ(*std::max_element(clipped.clinical.begin(), clipped.clinical.end()), 9);

  s = scenario("H");
  s.left_over_bias = 0.8;
  const SimulatedCohort left = simulate(s, 6), all = simulate(scenario("H"), 6);
  EXPECT_LT(left.cohort.num_patients(), 960);
  EXPECT_LT(count_treated(left.cohort), count_treated(all.cohort));
  EXPECT_EQ(left.truth.hidden.size(), left.cohort.time.size());
  for (std::size_t i = 0; i < left.cohort.time.size(); ++i) {
    const auto row = static_cast<std::size_t>(left.cohort.row[i]);
    if (left.cohort.event[i]) {
      EXPECT_EQ(left.truth.uncensored_time[row], left.cohort.time[i]);
    }
  }

  s = scenario("H");
  s.linkage_block = 5;
  s.linkage_correlation = 0.9;
  const Cohort linked = simulate(s, 6).cohort;
  dim_t together = 0, apart = 0;
  for (dim_t i = 0; i < 1000; ++i)
    together += linked.genes.at(i, 0) && linked.genes.at(i, 4), apart += linked.genes.at(i, 0) && linked.genes.at(i, 5);
  EXPECT_GT(together, 40);
  EXPECT_LT(apart, 25);

  s = scenario("H");
  s.hidden_leak_genes = 3;
  s.hidden_gene_leak = 2;
  const SimulatedCohort leaky = simulate(s, 6);
  const SimulationTruth plain = simulate(scenario("H"), 6).truth;
  for (std::size_t i = 0; i < 1000; ++i) {
    double leak = 0;
    for (const dim_t j : leaky.truth.hidden_leak_genes) leak += leaky.cohort.genes.at(static_cast<dim_t>(i), j) ? 2 : 0;
    const auto row = static_cast<std::size_t>(leaky.cohort.row[i]);
    EXPECT_NEAR(leaky.truth.hidden[row], plain.hidden[row] + leak, 1e-12);
  }
}

TEST(Simulator, SavedCohortsLoadAgain) {
  const test::TempFolder folder;
  const SimulatedCohort s = simulate(scenario("H"), 12);
  save_simulation(s, folder / "run");
  const Cohort loaded = load_cohort_folder(folder / "run").cohort;
  EXPECT_EQ(loaded.time, s.cohort.time);
  EXPECT_EQ(loaded.row, s.cohort.row);
  EXPECT_EQ(loaded.clinical, s.cohort.clinical);
  for (dim_t j = 0; j < 300; ++j) EXPECT_EQ(loaded.genes.count(j), s.cohort.genes.count(j));
  const io::Bytes text = io::read_file(folder / "run/truth.json");
  const auto truth = nlohmann::json::parse(text.begin(), text.end());
  EXPECT_EQ(truth["seed"], 12);
  EXPECT_EQ(truth["key"][0], s.cohort.gene_names[static_cast<std::size_t>(s.truth.key[0])]);
  EXPECT_EQ(truth["individual_effect"].size(), 1000u);
  EXPECT_EQ(truth["roles"][s.cohort.gene_names[static_cast<std::size_t>(s.truth.prognostic[3])]][0], "prognostic");
}

TEST(Simulator, SettingsOutOfRangeAreRefused) {
  EXPECT_ERROR(scenario("Q"), UsageError, "expected a scenario H, R, C, D, W, S, L, N or X, got \"Q\"");
  const auto refused = [](const char* words, auto change) {
    SimulatorSettings s;
    change(s);
    EXPECT_ERROR(simulate(s, 1), UsageError, words);
  };
  refused("2 to 2^24 patients, got 1", [](auto& s) { s.patients = 1; });
  refused("expected 20 (key, prognostic and decoy genes) to 2^30 genes, got 19", [](auto& s) { s.genes = 19; });
  refused("expected 40", [](auto& s) { s.genes = 30, s.decoys_per_key_gene = 2; });
  refused("a gene frequency between 0 and 1, got 0", [](auto& s) { s.gene_frequency = 0; });
  refused("a censoring rate between 0 and 1, got 1", [](auto& s) { s.censoring_rate = 1; });
  refused("a sigma above 0", [](auto& s) { s.sigma = 0; });
  refused("0 to 10 key genes", [](auto& s) { s.treatment_key_genes = 11; });
  refused("a treated share between 0 and 1, got 1.5", [](auto& s) { s.treated_share = 1.5; });
  refused("a probability that a decoy copies in [0, 1], got nan", [](auto& s) { s.decoy_rho = std::nan(""); });
  refused("a linkage correlation in [0, 1)", [](auto& s) { s.linkage_correlation = 1; });
}

}  // namespace
}  // namespace engram::genes
