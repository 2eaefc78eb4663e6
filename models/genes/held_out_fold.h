#pragma once
/// One fold of a cross-validation: a Cox model of some patients, and what it says of the others.

#include <span>
#include <vector>

#include "models/genes/term_design.h"
#include "models/genes/term_model.h"
#include "models/survival/concordance.h"

namespace engram::genes {

/// The columns of all patients, shared by the folds of one cohort.
class HeldOutColumns {
 public:
  /// As TermDesign.
  HeldOutColumns(const Cohort& cohort, const std::vector<dim_t>& candidates, const std::vector<dim_t>& adjust = {});

  const TermDesign& design() const { return design_; }
  /// The base, and the products of these candidates.
  std::vector<dim_t> columns(const std::vector<int>& candidates) const;

 private:
  friend class HeldOutFold;
  TermDesign design_;
  survival::CoxModel everybody_;
  std::vector<std::vector<double>> values_;  // columns of the design in the cohort's order
};

/// What the fold's model says.
struct HeldOutFit {
  std::vector<double> risk;       ///< linear predictors of those held out
  double partial_likelihood = 0;  ///< l_all(beta) - l_training(beta), beta fitted to the training patients
};

/// Patients held out of the fit. Const functions may run in several threads at once.
class HeldOutFold {
 public:
  /// `held_out` are positions in the cohort; the other arguments those that the HeldOutColumns were made of. Throws
  /// UsageError for positions out of range, DataError where nobody is left or nobody of them died.
  HeldOutFold(const Cohort& cohort, std::vector<dim_t> held_out, const std::vector<dim_t>& candidates,
              const std::vector<dim_t>& adjust = {});

  /// Fits these columns to the other patients. Columns that these do not determine count as 0.
  HeldOutFit fit(const HeldOutColumns& all, std::span<const dim_t> columns) const;
  /// Of risks of those held out.
  double concordance(const std::vector<double>& risk, survival::PairWeight weight) const;

 private:
  std::vector<dim_t> held_out_;
  survival::SurvivalOutcome outcome_;
  TermDesign training_;
  TermModel model_;
};

/// Positions that are not in `held_out`, ascending. Throws UsageError for positions out of range, DataError where there
/// are none.
std::vector<dim_t> training_patients(const Cohort& cohort, std::span<const dim_t> held_out);

}  // namespace engram::genes
