#include "models/genes/fitness/held_out.h"

#include <cmath>

#include "kernels/common/error.h"

namespace engram::genes {
namespace {

constexpr double kPriceOfGene = 0.001;

std::vector<dim_t> patients_of_fold(const Cohort& cohort, int fold) {
  std::vector<dim_t> patients;
  for (dim_t i = 0; i < cohort.num_patients(); ++i)
    if (cohort.row[std::size_t(i)] % HeldOutObjective::kFolds == fold) patients.push_back(i);
  if (patients.empty())
    throw DataError(message("[genes] expected patients for each of ", HeldOutObjective::kFolds, " folds, got ",
                            cohort.num_patients(), " patients"));
  return patients;
}

}  // namespace

HeldOutObjective::HeldOutObjective(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                   const FitnessOptions& options)
    : kind_(options.kind),
      weight_(options.uno ? survival::PairWeight::kUno : survival::PairWeight::kHarrell),
      all_(cohort, candidates, options.adjust) {
  for (int fold = 0; fold < kFolds; ++fold)
    folds_.emplace_back(cohort, patients_of_fold(cohort, fold), candidates, options.adjust);
  null_likelihood_ = measure({}).partial_likelihood;
}

HeldOut HeldOutObjective::measure(const GeneSet& set) const {
  HeldOut result;
  const std::vector<dim_t> columns = all_.columns(set.members());
  for (const HeldOutFold& fold : folds_) {
    const HeldOutFit fit = fold.fit(all_, columns);
    result.fold_concordance.push_back(fold.concordance(fit.risk, weight_));
    result.concordance += result.fold_concordance.back() / kFolds;
    result.partial_likelihood += fit.partial_likelihood;
  }
  return result;
}

SubsetFit HeldOutObjective::fit(const GeneSet& set, const SubsetFit*, const GeneSet&) const {
  SubsetFit result;
  if (set.empty()) return result;
  const HeldOut held_out = measure(set);
  result.fitness = kind_ == Fitness::kHeldOutConcordance
                       ? held_out.concordance - kPriceOfGene * set.size()
                       : (held_out.partial_likelihood - null_likelihood_) / std::abs(null_likelihood_);
  return result;
}

}  // namespace engram::genes
