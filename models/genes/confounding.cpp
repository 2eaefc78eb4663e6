#include "models/genes/confounding.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/sample_random.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

/// Where clinical variables decide the treatment, fitted propensities reach 0 and 1, and weights would be infinite.
constexpr double kLeastPropensity = 1e-6;
constexpr double kPredictsTreatment = 2.58, kPredictsSurvival = 1.96;

survival::CovariateMatrix clinical_matrix(const Cohort& cohort, const std::vector<std::string>& without) {
  survival::CovariateMatrix matrix(cohort.num_patients());
  for (dim_t k = 0; k < cohort.num_clinical(); ++k) {
    const std::string& name = cohort.clinical_names[std::size_t(k)];
    if (std::ranges::find(without, name) == without.end()) matrix.add(name, cohort.clinical_column(k));
  }
  return matrix;
}

/// Probability that a treated patient's propensity is larger than an untreated one's.
double area_under_curve(const std::vector<double>& propensity, const std::vector<std::uint8_t>& treatment) {
  std::vector<std::pair<double, int>> sorted;
  for (std::size_t i = 0; i < propensity.size(); ++i) sorted.emplace_back(propensity[i], treatment[i]);
  std::sort(sorted.begin(), sorted.end());
  double below = 0, wins = 0, treated = 0;
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    double ones = 0;
    for (; end < sorted.size() && sorted[end].first == sorted[begin].first; ++end) ones += sorted[end].second;
    const double zeros = double(end - begin) - ones;
    wins += ones * (below + zeros / 2);
    treated += ones;
    below += zeros;
    begin = end;
  }
  return treated > 0 && below > 0 ? wins / (treated * below) : 0.5;
}

std::vector<double> within_bounds(std::vector<double> propensity) {
  for (double& p : propensity) p = std::clamp(p, kLeastPropensity, 1 - kLeastPropensity);
  return propensity;
}

double z_of(const ModelChoice& base, const std::string& name) {
  for (std::size_t j = 0; j < base.names.size(); ++j)
    if (base.names[j] == name && base.cox_se[j] > 0) return base.cox_coefficient[j] / base.cox_se[j];
  return 0;
}

}  // namespace

ConfoundingReport confounding_report(const Cohort& cohort, const ModelChoice& base) {
  ConfoundingReport report;
  const survival::CovariateMatrix all = clinical_matrix(cohort, {});
  const survival::LogisticFit fit = survival::fit_logistic(all, cohort.treatment);
  for (std::size_t j = 1; j < fit.names.size(); ++j) {
    report.names.push_back(fit.names[j]);
    report.coefficient.push_back(fit.estimate[j]);
    report.z.push_back(fit.z[j]);
    if (std::abs(fit.z[j]) > kPredictsTreatment && std::abs(z_of(base, fit.names[j])) < kPredictsSurvival)
      report.instrument_like.push_back(fit.names[j]);
  }
  report.propensity = within_bounds(fit.probability);
  report.auc = area_under_curve(fit.probability, cohort.treatment);
  const auto [lowest, highest] = std::ranges::minmax(report.propensity);
  report.lowest = lowest;
  report.highest = highest;
  // An instrument in the weights inflates their variance and amplifies hidden bias (3.6, rule 2).
  const survival::CovariateMatrix weighted = clinical_matrix(cohort, report.instrument_like);
  const std::vector<double> propensity = within_bounds(survival::fit_logistic(weighted, cohort.treatment).probability);
  const auto balance = [&](survival::TreatmentWeight kind, double truncate, std::vector<double>& weight) {
    weight = survival::treatment_weights(propensity, cohort.treatment, {.kind = kind, .truncate = truncate});
    const survival::BalanceReport balance = survival::balance_report(all, cohort.treatment, propensity, weight);
    for (double& w : weight) w *= double(weight.size()) / balance.sum_weight;
    return balance;
  };
  report.stabilized = balance(survival::TreatmentWeight::kStabilized, 0.01, report.stabilized_weight);
  report.overlap = balance(survival::TreatmentWeight::kOverlap, 0, report.overlap_weight);
  return report;
}

std::vector<std::uint8_t> permuted_treatment(const Cohort& cohort, const std::vector<double>& propensity,
                                             std::uint64_t seed, int repeat) {
  const std::vector<std::int32_t> stratum = survival::propensity_strata(propensity, 5);
  std::map<std::int32_t, std::vector<dim_t>> members;
  for (dim_t i = 0; i < cohort.num_patients(); ++i) members[stratum[std::size_t(i)]].push_back(i);
  std::vector<std::uint8_t> treatment = cohort.treatment;
  SampleRandom random(seed, RandomPurpose::kGeneSplit, 1, repeat);
  for (const auto& [label, patients] : members) {
    std::vector<dim_t> from = patients;
    for (std::size_t i = from.size(); i > 1; --i) std::swap(from[i - 1], from[std::size_t(random.below(dim_t(i)))]);
    for (std::size_t i = 0; i < from.size(); ++i)
      treatment[std::size_t(patients[i])] = cohort.treatment[std::size_t(from[i])];
  }
  return treatment;
}

}  // namespace engram::genes
