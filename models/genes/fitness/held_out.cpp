#include "models/genes/fitness/held_out.h"

#include <cmath>

#include "kernels/common/error.h"
#include "models/survival/concordance.h"

namespace engram::genes {
namespace {

constexpr double kPriceOfGene = 0.001;

std::vector<dim_t> patients_of_fold(const Cohort& cohort, int fold, bool inside) {
  std::vector<dim_t> patients;
  for (dim_t i = 0; i < cohort.num_patients(); ++i)
    if ((cohort.row[std::size_t(i)] % HeldOutObjective::kFolds == fold) == inside) patients.push_back(i);
  if (patients.empty())
    throw DataError(message("[genes] expected patients for each of ", HeldOutObjective::kFolds, " folds, got ",
                            cohort.num_patients(), " patients"));
  return patients;
}

}  // namespace

HeldOutObjective::Fold::Fold(const Cohort& cohort, int fold, const std::vector<dim_t>& candidates,
                             const std::vector<dim_t>& adjust)
    : held_out(patients_of_fold(cohort, fold, true)),
      outcome(outcome_of(cohort).select(held_out)),
      design(select_patients(cohort, patients_of_fold(cohort, fold, false)), candidates, adjust),
      model(design.design(), Likelihood::kCox) {
  if (design.design().num_events() == 0) throw DataError("[genes] expected deaths outside each fold, got none");
}

HeldOutObjective::HeldOutObjective(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                   const FitnessOptions& options)
    : kind_(options.kind), uno_(options.uno), design_(cohort, candidates, options.adjust), all_(design_.design()) {
  for (int fold = 0; fold < kFolds; ++fold)
    folds_.push_back(std::make_unique<Fold>(cohort, fold, candidates, options.adjust));
  const survival::SurvivalDesign& d = design_.design();
  for (dim_t j = 0; j < d.columns(); ++j) {
    std::vector<double> column(std::size_t(d.rows()));
    for (dim_t i = 0; i < d.rows(); ++i) column[std::size_t(d.order()[std::size_t(i)])] = d.value(i, j);
    values_.push_back(std::move(column));
  }
  null_likelihood_ = measure({}).partial_likelihood;
}

std::vector<dim_t> HeldOutObjective::columns(const GeneSet& set) const {
  std::vector<dim_t> columns = design_.base();
  for (int gene : set.members()) columns.push_back(design_.product(gene));
  return columns;
}

HeldOut HeldOutObjective::measure(const GeneSet& set) const {
  HeldOut result;
  const std::vector<dim_t> wanted = columns(set);
  thread_local survival::CoxScratch scratch;
  survival::ConcordanceOptions options;
  options.weight = uno_ ? survival::PairWeight::kUno : survival::PairWeight::kHarrell;
  for (const auto& fold : folds_) {
    const TermFit fit = fold->model.fit(wanted);
    std::vector<double> risk(fold->held_out.size());
    for (std::size_t c = 0; c < wanted.size(); ++c)
      for (std::size_t i = 0; i < risk.size(); ++i)
        risk[i] += fit.coefficients[c] * values_[std::size_t(wanted[c])][std::size_t(fold->held_out[i])];
    result.fold_concordance.push_back(survival::concordance(fold->outcome, risk, options).index);
    result.concordance += result.fold_concordance.back() / kFolds;
    result.partial_likelihood += all_.loglik(wanted, fit.coefficients, scratch) - fit.loglik;
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
