#include "models/genes/treatment_weighting.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/genes/term_design.h"

namespace engram::genes {
namespace {

constexpr int kPropensityStrata = 5;

/// Products of the joint model with their errors, in the order of `genes`.
std::vector<Estimate> joint_products(const Cohort& cohort, const std::vector<dim_t>& genes,
                                     const std::vector<dim_t>& adjust, Likelihood likelihood, bool robust) {
  const TermDesign design(usable_patients(cohort, likelihood), genes, adjust);
  const TermModel model(design.design(), likelihood);
  const TermFit fit = model.fit(design.joint_columns());
  const std::vector<double> errors = robust ? model.robust_standard_errors(fit) : model.standard_errors(fit);
  std::vector<Estimate> estimates;
  for (dim_t j = 0; j < design.num_candidates(); ++j) {
    const auto at = std::size_t(std::ranges::find(fit.columns, design.product(j)) - fit.columns.begin());
    estimates.push_back({fit.coefficients[at], errors[at]});
  }
  return estimates;
}

}  // namespace

const std::vector<std::string>& weighting_names() {
  static const std::vector<std::string> names = {"none", "stabilized", "overlap"};
  return names;
}

const char* weighting_name(Weighting weighting) {
  return weighting_names()[std::size_t(weighting)].c_str();
}

Weighting parse_weighting(const std::string& name) {
  const auto found = std::ranges::find(weighting_names(), name);
  if (found == weighting_names().end())
    throw UsageError(message("[genes] expected weights none, stabilized or overlap, got '", name, "'"));
  return Weighting(found - weighting_names().begin());
}

Cohort with_treatment_weights(const Cohort& cohort, const ConfoundingReport& report, Weighting weighting) {
  Cohort weighted = cohort;
  weighted.weight.clear();
  if (weighting == Weighting::kStabilized) weighted.weight = report.stabilized_weight;
  if (weighting == Weighting::kOverlap) weighted.weight = report.overlap_weight;
  return weighted;
}

std::vector<AdjustedEffect> adjusted_effects(const Cohort& cohort, const std::vector<dim_t>& genes,
                                             const std::vector<dim_t>& adjust, Likelihood likelihood,
                                             const ConfoundingReport& report) {
  std::vector<AdjustedEffect> effects(genes.size());
  const auto fill = [&](const Cohort& changed, Likelihood scale, bool robust, Estimate AdjustedEffect::*place) {
    const std::vector<Estimate> estimates = joint_products(changed, genes, adjust, scale, robust);
    for (std::size_t j = 0; j < genes.size(); ++j) effects[j].*place = estimates[j];
  };
  fill(with_treatment_weights(cohort, report, Weighting::kStabilized), likelihood, true, &AdjustedEffect::stabilized);
  fill(with_treatment_weights(cohort, report, Weighting::kOverlap), likelihood, true, &AdjustedEffect::overlap);
  Cohort stratified = cohort;
  stratified.stratum = survival::propensity_strata(report.propensity, kPropensityStrata);
  fill(stratified, Likelihood::kCox, false, &AdjustedEffect::stratified);
  return effects;
}

}  // namespace engram::genes
