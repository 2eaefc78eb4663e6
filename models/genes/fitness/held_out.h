#pragma once
/// F5 and F6: how well the subset's Cox model does on patients that it has not seen.

#include <vector>

#include "models/genes/fitness/fitness.h"
#include "models/genes/held_out_fold.h"

namespace engram::genes {

/// Cross-validated quality of a set of genes; the model is Cox with treatment, clinical variables and products.
struct HeldOut {
  double concordance = 0;  ///< mean over folds of the held-out concordance
  std::vector<double> fold_concordance;
  double partial_likelihood = 0;  ///< sum over folds of l_all(beta without fold) - l_without(beta without fold)
};

/// F5 and F6 (docs/methods/genes.md, "Fitness").
class HeldOutObjective : public SubsetObjective {
 public:
  static constexpr int kFolds = 5;

  HeldOutObjective(const Cohort& cohort, const std::vector<dim_t>& candidates, const FitnessOptions& options);

  int num_genes() const override { return int(all_.design().num_candidates()); }
  SubsetFit fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const override;

  HeldOut measure(const GeneSet& set) const;

 private:
  Fitness kind_;
  survival::PairWeight weight_;
  HeldOutColumns all_;
  std::vector<HeldOutFold> folds_;
  double null_likelihood_ = 0;
};

}  // namespace engram::genes
