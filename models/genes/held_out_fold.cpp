#include "models/genes/held_out_fold.h"

#include "kernels/common/error.h"

namespace engram::genes {

HeldOutColumns::HeldOutColumns(const Cohort& cohort, const std::vector<dim_t>& candidates,
                               const std::vector<dim_t>& adjust)
    : design_(cohort, candidates, adjust), everybody_(design_.design()) {
  const survival::SurvivalDesign& d = design_.design();
  for (dim_t j = 0; j < d.columns(); ++j) {
    std::vector<double> column(std::size_t(d.rows()));
    for (dim_t i = 0; i < d.rows(); ++i) column[std::size_t(d.order()[std::size_t(i)])] = d.value(i, j);
    values_.push_back(std::move(column));
  }
}

std::vector<dim_t> HeldOutColumns::columns(const std::vector<int>& candidates) const {
  std::vector<dim_t> columns = design_.base();
  for (int j : candidates) columns.push_back(design_.product(j));
  return columns;
}

std::vector<dim_t> training_patients(const Cohort& cohort, std::span<const dim_t> held_out) {
  std::vector<bool> out(static_cast<std::size_t>(cohort.num_patients()));
  for (dim_t i : held_out) {
    if (i < 0 || i >= cohort.num_patients())
      throw UsageError(message("[prediction] expected positions 0 to ", cohort.num_patients() - 1, ", got ", i));
    out[std::size_t(i)] = true;
  }
  std::vector<dim_t> rest;
  for (dim_t i = 0; i < cohort.num_patients(); ++i)
    if (!out[std::size_t(i)]) rest.push_back(i);
  if (rest.empty()) throw DataError("[prediction] expected patients outside the fold, got none");
  return rest;
}

HeldOutFold::HeldOutFold(const Cohort& cohort, std::vector<dim_t> held_out, const std::vector<dim_t>& candidates,
                         const std::vector<dim_t>& adjust)
    : held_out_(std::move(held_out)),
      outcome_(outcome_of(cohort).select(held_out_)),
      training_(select_patients(cohort, training_patients(cohort, held_out_)), candidates, adjust),
      model_(training_.design(), Likelihood::kCox) {
  if (training_.design().num_events() == 0) throw DataError("[prediction] expected deaths outside the fold, got none");
}

HeldOutFit HeldOutFold::fit(const HeldOutColumns& all, std::span<const dim_t> columns) const {
  thread_local survival::CoxScratch scratch;
  const TermFit fit = model_.fit(columns);
  HeldOutFit result;
  result.risk.assign(held_out_.size(), 0);
  for (std::size_t c = 0; c < columns.size(); ++c)
    for (std::size_t i = 0; i < held_out_.size(); ++i)
      result.risk[i] += fit.coefficients[c] * all.values_[std::size_t(columns[c])][std::size_t(held_out_[i])];
  result.partial_likelihood = all.everybody_.loglik(columns, fit.coefficients, scratch) - fit.loglik;
  return result;
}

double HeldOutFold::concordance(const std::vector<double>& risk, survival::PairWeight weight) const {
  return survival::concordance(outcome_, risk, {.weight = weight}).index;
}

}  // namespace engram::genes
