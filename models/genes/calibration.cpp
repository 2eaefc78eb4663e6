#include "models/genes/calibration.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "kernels/common/error.h"
#include "models/genes/calibrated_screen.h"
#include "models/genes/gene_tests.h"
#include "models/genes/parallel_runs.h"
#include "models/genes/pipeline.h"

namespace engram::genes {
namespace {

constexpr double kFalseDiscoveryRate = 0.1, kNormal95 = 1.959964;

/// What one cohort adds; ScreenCalibration's shares are this cohort's.
struct CohortResult {
  bool family_error = false;
  double family_key = 0;
  std::vector<ScreenCalibration> screens;
  SelectCalibration select;
};

bool is_in(dim_t gene, const std::vector<dim_t>& genes) {
  return std::ranges::find(genes, gene) != genes.end();
}

/// Share of genes without an effect among those with q below kFalseDiscoveryRate; 0 where there is none.
double false_share(const NullCohort& drawn, const std::vector<double>& q) {
  double null = 0, all = 0;
  for (const dim_t gene : drawn.null_genes) null += q[std::size_t(gene)] < kFalseDiscoveryRate;
  all = null;
  for (const dim_t gene : drawn.key_genes) all += q[std::size_t(gene)] < kFalseDiscoveryRate;
  return all > 0 ? null / all : 0;
}

ScreenCalibration measure_screen(const NullCohort& drawn, const std::string& screen, int replicates,
                                 std::uint64_t seed) {
  GeneTests tests = calibrated_screen(drawn.cohort, {.screen = screen, .replicates = replicates, .seed = seed});
  ScreenCalibration result;
  result.screen = screen;
  for (const dim_t gene : drawn.null_genes) {
    const auto j = std::size_t(gene);
    if (tests.status[j] == FitStatus::kNotEstimable) continue;
    for (std::size_t level = 0; level < 3; ++level) {
      const double log10_level = std::log10(kCalibrationLevels[level]);
      result.calibrated[level].errors += tests.log10_p[j] <= log10_level;
      result.model[level].errors += tests.model_log10_p[j] <= log10_level;
      ++result.calibrated[level].tests;
      ++result.model[level].tests;
    }
  }
  result.false_share = false_share(drawn, tests.bh);
  std::swap(tests.log10_p, tests.model_log10_p);
  for (FitStatus& status : tests.status)
    if (status == FitStatus::kFewCarriers) status = FitStatus::kOk;  // the model's own p-values know no such rule
  adjust_for_multiplicity(tests);
  result.model_false_share = false_share(drawn, tests.bh);
  return result;
}

SelectCalibration measure_select(const NullCohort& drawn, const CalibrationOptions& calibration, std::uint64_t seed) {
  PipelineOptions options;
  options.seed = seed;
  options.wrapper.seeds = 1;
  options.wrapper.evaluations = 1500;
  options.stability_splits = options.negative_controls = 0;
  options.sensitivity = false;
  options.permutations = calibration.replicates;
  options.reselections = calibration.reselections;
  const Selection selection = select_genes(drawn.cohort, options);
  SelectCalibration result;
  result.declared_any.tests = result.claimed_any.tests = result.standing_any.tests = 1;
  result.listed = double(selection.genes.size());
  const bool hazard = selection.likelihood == Likelihood::kCox;
  for (const SelectedGene& g : selection.genes) {
    const bool key = is_in(g.gene, drawn.key_genes), null = is_in(g.gene, drawn.null_genes);
    result.listed_key += key;
    result.declared_key += key && g.declared;
    result.grouped_key += key && g.group_declared;
    const bool stands_out =
        g.direction_ok && g.both_scales &&
        std::ranges::find(selection.declaration.claims, g.gene, &Claim::gene) != selection.declaration.claims.end();
    result.standing_key += key && stands_out;
    const bool group_false = null && std::ranges::none_of(g.alternatives, [&](dim_t other) {
                               return drawn.effect[std::size_t(other)] != 0;
                             });
    if (null && g.declared) result.declared_any.errors = 1;
    if (null && (g.declared || (g.group_declared && group_false))) result.claimed_any.errors = 1;
    if (null && stands_out) result.standing_any.errors = 1;
    const double truth = drawn.effect[std::size_t(g.gene)];
    if (!(g.selective.robust_se > 0) || (hazard && truth != 0)) continue;
    ++result.naive_missed.tests;
    ++result.selective_missed.tests;
    result.naive_missed.errors += std::abs(g.effect - truth) > kNormal95 * g.se;
    result.selective_missed.errors += truth < g.selective.low || truth > g.selective.high;
  }
  return result;
}

CohortResult measure(const NullCohort& drawn, const CalibrationOptions& options, std::uint64_t seed) {
  CohortResult result;
  if (options.family) {
    FamilyOptions family;
    family.likelihood = choose_model(drawn.cohort).likelihood;
    family.replicates = options.replicates;
    family.seed = seed;
    const FamilyTest test = family_test(drawn.cohort, family);
    for (const dim_t gene : drawn.null_genes) result.family_error |= test.p[std::size_t(gene)] < family.level;
    for (const dim_t gene : drawn.key_genes) result.family_key += test.p[std::size_t(gene)] < family.level;
  }
  for (const std::string& screen : options.screens)
    result.screens.push_back(measure_screen(drawn, screen, options.replicates, seed));
  if (options.select) result.select = measure_select(drawn, options, seed);
  return result;
}

void add(const ErrorCount& part, ErrorCount& sum) {
  sum.errors += part.errors;
  sum.tests += part.tests;
}

void add(const CohortResult& part, double share, Calibration& sum) {
  sum.family.errors += part.family_error;
  ++sum.family.tests;
  sum.family_key += share * part.family_key;
  for (std::size_t s = 0; s < part.screens.size(); ++s) {
    ScreenCalibration& total = sum.screens[s];
    for (std::size_t level = 0; level < 3; ++level) {
      add(part.screens[s].calibrated[level], total.calibrated[level]);
      add(part.screens[s].model[level], total.model[level]);
    }
    total.false_share += share * part.screens[s].false_share;
    total.model_false_share += share * part.screens[s].model_false_share;
  }
  add(part.select.declared_any, sum.select.declared_any);
  add(part.select.claimed_any, sum.select.claimed_any);
  add(part.select.standing_any, sum.select.standing_any);
  add(part.select.naive_missed, sum.select.naive_missed);
  add(part.select.selective_missed, sum.select.selective_missed);
  sum.select.listed_key += share * part.select.listed_key;
  sum.select.declared_key += share * part.select.declared_key;
  sum.select.grouped_key += share * part.select.grouped_key;
  sum.select.standing_key += share * part.select.standing_key;
  sum.select.listed += share * part.select.listed;
}

}  // namespace

std::pair<double, double> binomial_interval_99(double rate, std::int64_t tests) {
  const double log_odds = std::log(rate / (1 - rate));
  double term = double(tests) * std::log1p(-rate), below = 0;
  std::int64_t low = 0, high = tests;
  bool low_found = false;
  for (std::int64_t k = 0; k <= tests; ++k) {
    below += std::exp(term);
    if (!low_found && below > 0.005) {
      low = k;
      low_found = true;
    }
    if (below >= 0.995) {
      high = k;
      break;
    }
    term += log_odds + std::log(double(tests - k) / double(k + 1));
  }
  return {double(low) / double(tests), double(high) / double(tests)};
}

Calibration calibrate(const NullSetting& setting, const CalibrationOptions& options,
                      const std::function<void(int done)>& progress, const std::function<bool()>& stop) {
  if (options.cohorts < 1) throw UsageError(message("[calibrate] expected at least 1 cohort, got ", options.cohorts));
  std::vector<std::optional<CohortResult>> results(std::size_t(options.cohorts));
  parallel_runs(
      options.cohorts,
      [&](int k) {
        const std::uint64_t seed = options.seed + std::uint64_t(k);
        results[std::size_t(k)] = measure(draw_null_cohort(setting, seed), options, seed);
      },
      progress, stop);
  Calibration sum;
  sum.setting = setting.name;
  sum.screens.resize(options.screens.size());
  for (std::size_t s = 0; s < options.screens.size(); ++s) sum.screens[s].screen = options.screens[s];
  sum.cohorts = int(std::ranges::count_if(results, [](const auto& r) { return r.has_value(); }));
  for (const auto& result : results)
    if (result) add(*result, 1.0 / sum.cohorts, sum);
  return sum;
}

}  // namespace engram::genes
