#include "models/genes/fitness/likelihood_gain.h"

#include <cmath>

#include "kernels/common/error.h"

namespace engram::genes {
namespace {

/// The patients that the likelihood can use.
Cohort usable(const Cohort& cohort, const FitnessOptions& options) {
  if (options.kind == Fitness::kCoxEbic) return cohort;
  return select_patients(cohort, positive_times(cohort));
}

}  // namespace

double log_binomial(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

LikelihoodGainObjective::LikelihoodGainObjective(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                                 const FitnessOptions& options)
    : design_(usable(cohort, options), candidates, options.adjust),
      model_(design_.design(), options.kind == Fitness::kCoxEbic ? Likelihood::kCox : options.distribution),
      xi_(options.xi),
      main_effects_(options.main_effects) {
  if (options.kind == Fitness::kAftEbic && options.distribution == Likelihood::kCox)
    throw UsageError("[genes] expected a parametric distribution for f4, got cox; hint: f3 is the Cox fitness");
  if (design_.design().num_events() == 0) throw DataError("[genes] expected deaths, got none");
  base_fit_ = model_.fit(design_.base());
}

std::vector<dim_t> LikelihoodGainObjective::columns(const GeneSet& set) const {
  std::vector<dim_t> columns = design_.base();
  for (int gene : set.members()) {
    columns.push_back(design_.product(gene));
    if (main_effects_ && !design_.main_in_base(gene)) columns.push_back(design_.main(gene));
  }
  return columns;
}

SubsetFit LikelihoodGainObjective::fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const {
  SubsetFit result;
  if (set.empty()) return result;
  const std::vector<dim_t> wanted = columns(set);
  TermFit from = base_fit_;
  if (start != nullptr && !start->coefficients.empty()) {
    from.columns = columns(start_set);
    from.parameters = start->coefficients;
    const std::size_t skip = model_.likelihood() == Likelihood::kCox ? 0 : 1;
    from.coefficients.assign(start->coefficients.begin() + std::ptrdiff_t(skip),
                             start->coefficients.end() - std::ptrdiff_t(skip));
  }
  TermFit fit = model_.fit(wanted, model_.start_from(from, wanted));
  if (!fit.converged) fit = model_.fit(wanted);  // a poor start; the fit from scratch is the one that counts
  const double k = double(wanted.size() - design_.base().size()), m = num_genes();
  const double gain = 2 * (fit.loglik - base_fit_.loglik);
  const double price = k * std::log(double(design_.design().num_events())) + 2 * xi_ * log_binomial(m, set.size());
  result.fitness = (gain - price) / (2 * std::abs(base_fit_.loglik));
  result.coefficients = std::move(fit.parameters);
  return result;
}

}  // namespace engram::genes
