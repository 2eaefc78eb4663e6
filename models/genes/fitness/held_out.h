#pragma once
/// F5 and F6: how well the subset's Cox model does on patients that it has not seen.

#include <memory>

#include "models/genes/fitness/fitness.h"
#include "models/genes/term_design.h"

namespace engram::genes {

/// Cross-validated quality of a set of genes; the model is Cox with treatment, clinical variables and products.
struct HeldOut {
  double concordance = 0;  ///< mean over folds of the held-out concordance
  std::vector<double> fold_concordance;
  double partial_likelihood = 0;  ///< sum over folds of l_all(beta without fold) - l_without(beta without fold)
};

/// F5 and F6 (gene selection specification, 3.7).
class HeldOutObjective : public SubsetObjective {
 public:
  static constexpr int kFolds = 5;

  HeldOutObjective(const Cohort& cohort, const std::vector<dim_t>& candidates, const FitnessOptions& options);

  int num_genes() const override { return int(design_.num_candidates()); }
  SubsetFit fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const override;

  HeldOut measure(const GeneSet& set) const;

 private:
  struct Fold {
    Fold(const Cohort& cohort, int fold, const std::vector<dim_t>& candidates, const std::vector<dim_t>& adjust);
    std::vector<dim_t> held_out;  // positions in the cohort
    survival::SurvivalOutcome outcome;
    TermDesign design;
    TermModel model;
  };
  std::vector<dim_t> columns(const GeneSet& set) const;

  Fitness kind_;
  bool uno_;
  TermDesign design_;
  survival::CoxModel all_;
  std::vector<std::vector<double>> values_;  // columns of the design in the cohort's order
  std::vector<std::unique_ptr<Fold>> folds_;
  double null_likelihood_ = 0;
};

}  // namespace engram::genes
