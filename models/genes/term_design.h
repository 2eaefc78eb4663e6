#pragma once
/// A cohort's treatment, clinical variables and chosen genes as the columns of survival models.

#include <memory>
#include <span>
#include <vector>

#include "models/genes/cohort.h"
#include "models/survival/survival_design.h"

namespace engram::genes {

/// Columns of one cohort: treatment, the clinical variables, the main effects of `adjust` genes (together the base),
/// and for every candidate its main effect g and its product g x treatment. Copies share the columns.
class TermDesign {
 public:
  /// `candidates` and `adjust` are gene columns of the cohort; a gene may be both. With `with_treatment` false there is
  /// no treatment column (inside one arm it does not vary). Throws UsageError for a gene that does not exist or comes
  /// twice, and what SurvivalDesign throws.
  TermDesign(const Cohort& cohort, std::span<const dim_t> candidates, std::span<const dim_t> adjust = {},
             bool with_clinical = true, bool with_treatment = true);

  const survival::SurvivalDesign& design() const { return *design_; }
  dim_t num_candidates() const { return dim_t(candidates_.size()); }
  /// Gene column of the cohort of candidate j.
  dim_t gene(dim_t j) const { return candidates_[std::size_t(j)]; }
  const std::vector<dim_t>& candidates() const { return candidates_; }

  /// Columns of the base.
  const std::vector<dim_t>& base() const { return base_; }
  /// Column of candidate j's main effect: that of the base for an `adjust` gene.
  dim_t main(dim_t j) const { return main_[std::size_t(j)]; }
  /// Column of candidate j's product with treatment.
  dim_t product(dim_t j) const { return product_[std::size_t(j)]; }
  /// Whether candidate j's main effect is in the base.
  bool main_in_base(dim_t j) const { return main(j) < dim_t(base_.size()); }
  /// Columns of the joint model of all candidates: the base, then main effects, then products.
  std::vector<dim_t> joint_columns() const;

 private:
  std::vector<dim_t> candidates_, base_, main_, product_;
  std::shared_ptr<const survival::SurvivalDesign> design_;
};

/// Outcome of a cohort with its case weights, offsets, strata and entries, in its order.
survival::SurvivalOutcome outcome_of(const Cohort& cohort);

/// The 0/1 column of gene j times the treatment.
std::vector<double> product_column(const Cohort& cohort, dim_t gene);
/// The 0/1 column of gene j.
std::vector<double> gene_column(const Cohort& cohort, dim_t gene);
/// Treatment as 0.0 and 1.0.
std::vector<double> treatment_column(const Cohort& cohort);

/// Adds treatment (if wanted) and the clinical variables to a matrix of as many rows as the cohort has patients.
void add_base_columns(const Cohort& cohort, bool with_treatment, survival::CovariateMatrix& matrix);

}  // namespace engram::genes
