#include "models/genes/declaration.h"

#include <algorithm>
#include <cmath>

#include "models/genes/confounding.h"
#include "models/genes/final_model.h"

namespace engram::genes {
namespace {

constexpr double kChiSquare = 3.84;  // 5 % of chi-square with 1 df

/// Few are enough to tell whether p is below the level.
constexpr int kControlReplicates = 199;

}  // namespace

Declaration declare_genes(const Cohort& cohort, const DeclarationOptions& options, const std::function<bool()>& stop) {
  Declaration declaration{family_test(cohort, options.family, stop), {}};
  const std::vector<dim_t> standing = standing_genes(declaration.family, options.family.level);
  if (standing.empty()) return declaration;
  const JointModel joint = fit_joint_model(cohort, standing, options.family.adjust, options.family.likelihood),
                   other = fit_joint_model(cohort, standing, options.family.adjust, options.other_likelihood);
  const double root = std::sqrt(kChiSquare);
  std::vector<dim_t> passing;
  for (std::size_t i = 0; i < standing.size(); ++i)
    if (joint.effects[i].signed_root > root && other.effects[i].signed_root > root) passing.push_back(standing[i]);
  declaration.claims =
      tell_apart(usable_patients(cohort, options.family.likelihood), options.family, declaration.family, passing, stop);
  return declaration;
}

NegativeControl negative_control(const Cohort& cohort, const std::vector<double>& propensity,
                                 const DeclarationOptions& options, int repeats,
                                 const std::function<void(int done)>& progress, const std::function<bool()>& stop) {
  DeclarationOptions rule = options;
  rule.family.replicates = std::min(options.family.replicates, kControlReplicates);
  NegativeControl control;
  Cohort permuted = cohort;
  for (int repeat = 0; repeat < repeats && !(stop && stop()); ++repeat) {
    permuted.treatment = permuted_treatment(cohort, propensity, options.family.seed, repeat);
    control.found.push_back(dim_t(declare_genes(permuted, rule, stop).claims.size()));
    control.false_alarms += control.found.back() > 0;
    if (progress) progress(repeat + 1);
  }
  control.p = binomial_upper_tail(control.false_alarms, int(control.found.size()), options.family.level);
  return control;
}

double binomial_upper_tail(int count, int trials, double rate) {
  double below = 0, term = std::pow(1 - rate, trials);
  for (int k = 0; k < count; ++k) {
    below += term;
    term *= rate / (1 - rate) * double(trials - k) / double(k + 1);
  }
  return std::clamp(1 - below, 0.0, 1.0);
}

}  // namespace engram::genes
