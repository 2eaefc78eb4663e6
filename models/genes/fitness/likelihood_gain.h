#pragma once
/// F3 and F4: the extended BIC of one model with the subset's gene x treatment products.

#include "models/genes/fitness/fitness.h"
#include "models/genes/term_design.h"

namespace engram::genes {

/// f = [2 (l(S) - l(no gene)) - k log(events) - 2 xi log C(m, |S|)] / (2 |l(no gene)|), k the number of columns added
/// (docs/methods/genes.md, "Fitness"; Chen and Chen 2008).
class LikelihoodGainObjective : public SubsetObjective {
 public:
  LikelihoodGainObjective(const Cohort& cohort, const std::vector<dim_t>& candidates, const FitnessOptions& options);

  int num_genes() const override { return int(design_.num_candidates()); }
  SubsetFit fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const override;

  const TermDesign& design() const { return design_; }
  const TermModel& model() const { return model_; }
  /// The columns of a subset's model: the base, then its products (and main effects).
  std::vector<dim_t> columns(const GeneSet& set) const;

 private:
  TermDesign design_;
  TermModel model_;
  double xi_;
  bool main_effects_;
  TermFit base_fit_;
};

/// log C(n, k).
double log_binomial(double n, double k);

}  // namespace engram::genes
