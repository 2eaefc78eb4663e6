#include "models/genes/fitness/arm_contrast.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "kernels/common/error.h"

namespace engram::genes {
namespace {

constexpr std::size_t kGenesWanted = 10;

Cohort arm_of(const Cohort& cohort, int treated) {
  const std::vector<dim_t> patients = patients_in_arm(cohort, treated);
  if (patients.empty())
    throw DataError(message("[genes] expected treated and untreated patients, got nobody ",
                            treated == 1 ? "treated" : "untreated"));
  Cohort arm = select_patients(cohort, patients);
  if (count_events(arm) == 0)
    throw DataError(
        message("[genes] expected deaths in both arms, got none among the ", treated == 1 ? "treated" : "untreated"));
  return arm;
}

/// A start for the columns of `set` out of the parameters of another set's fit: clinical variables first, then genes.
std::vector<double> mapped(std::span<const double> parameters, const GeneSet& from, const GeneSet& to,
                           std::size_t base) {
  std::vector<double> start(parameters.begin(), parameters.begin() + std::ptrdiff_t(base));
  const std::vector<int> old = from.members();
  for (int gene : to.members()) {
    const auto found = std::lower_bound(old.begin(), old.end(), gene);
    const bool known = found != old.end() && *found == gene;
    start.push_back(known ? parameters[base + std::size_t(found - old.begin())] : 0);
  }
  return start;
}

}  // namespace

ArmContrastObjective::Arm::Arm(const Cohort& cohort, int treated, const std::vector<dim_t>& candidates, bool clinical)
    : design(arm_of(cohort, treated), candidates, {}, clinical, false), model(design.design(), Likelihood::kCox) {}

std::vector<dim_t> ArmContrastObjective::Arm::columns(const GeneSet& set) const {
  std::vector<dim_t> columns = design.base();
  for (int gene : set.members()) columns.push_back(design.main(gene));
  return columns;
}

ArmContrastObjective::ArmContrastObjective(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                           const FitnessOptions& options)
    : kind_(options.kind),
      weighted_(!cohort.weight.empty()),
      treated_(cohort, 1, candidates, options.clinical),
      untreated_(cohort, 0, candidates, options.clinical) {}

ArmCoefficients ArmContrastObjective::fit_arms(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set,
                                               bool standard_errors, std::vector<double>& parameters) const {
  ArmCoefficients result;
  const std::size_t base = treated_.design.base().size(), old_size = base + std::size_t(start_set.size());
  result.usable.assign(std::size_t(set.size()), true);
  for (const bool treated : {true, false}) {
    const Arm& arm = treated ? treated_ : untreated_;
    std::vector<double> from;
    if (start != nullptr && start->coefficients.size() == 2 * old_size)
      from = mapped(std::span(start->coefficients).subspan(treated ? 0 : old_size, old_size), start_set, set, base);
    const TermFit fit = arm.model.fit(arm.columns(set), from);
    (treated ? result.treated : result.untreated)
        .assign(fit.coefficients.begin() + std::ptrdiff_t(base), fit.coefficients.end());
    (treated ? result.loglik_treated : result.loglik_untreated) = fit.loglik;
    for (std::size_t j = 0; j < result.usable.size(); ++j)
      if (fit.unusable[base + j] != 0) result.usable[j] = false;
    if (standard_errors) {
      const std::vector<double> errors =
          weighted_ ? arm.model.robust_standard_errors(fit) : arm.model.standard_errors(fit);
      (treated ? result.se_treated : result.se_untreated).assign(errors.begin() + std::ptrdiff_t(base), errors.end());
    }
    parameters.insert(parameters.end(), fit.coefficients.begin(), fit.coefficients.end());
  }
  return result;
}

ArmCoefficients ArmContrastObjective::coefficients(const GeneSet& set, bool standard_errors) const {
  std::vector<double> ignored;
  return fit_arms(set, nullptr, {}, standard_errors, ignored);
}

double ArmContrastObjective::sum_of_ten(const ArmCoefficients& c) const {
  std::vector<double> values;
  for (std::size_t j = 0; j < c.usable.size(); ++j) {
    double value = c.difference(j);
    if (kind_ == Fitness::kArmContrastZ) {
      const double error = std::hypot(c.se_treated[j], c.se_untreated[j]);
      value = error > 0 ? value / error : 0;
    }
    values.push_back(value);
  }
  const std::size_t wanted = std::min(kGenesWanted, values.size());
  if (kind_ != Fitness::kArmContrastFirst10)
    std::partial_sort(values.begin(), values.begin() + std::ptrdiff_t(wanted), values.end(), std::greater<>());
  return std::accumulate(values.begin(), values.begin() + std::ptrdiff_t(wanted), 0.0);
}

SubsetFit ArmContrastObjective::fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const {
  SubsetFit result;
  if (set.empty()) return result;
  result.fitness = sum_of_ten(fit_arms(set, start, start_set, kind_ == Fitness::kArmContrastZ, result.coefficients));
  return result;
}

}  // namespace engram::genes
