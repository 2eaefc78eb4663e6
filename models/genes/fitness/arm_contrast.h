#pragma once
/// F1 and F2: how much better a gene's carriers fare in the treated arm's Cox model than in the untreated arm's.

#include "models/genes/fitness/fitness.h"
#include "models/genes/term_design.h"

namespace engram::genes {

/// Coefficients of one subset in both arms; one entry a member, ascending.
struct ArmCoefficients {
  std::vector<double> treated, untreated;
  std::vector<double> se_treated, se_untreated;  ///< empty unless asked for; 0 where there is none; robust with weights
  double loglik_treated = 0, loglik_untreated = 0;

  /// untreated - treated of member j; 0 where one of them has no finite estimate.
  double difference(std::size_t j) const { return usable[j] ? untreated[j] - treated[j] : 0; }
  std::vector<bool> usable;
};

/// F1, its published variant, and F2 (docs/methods/genes.md, "Fitness").
class ArmContrastObjective : public SubsetObjective {
 public:
  ArmContrastObjective(const Cohort& cohort, const std::vector<dim_t>& candidates, const FitnessOptions& options);

  int num_genes() const override { return int(treated_.design.num_candidates()); }
  SubsetFit fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const override;

  /// The two fits behind the fitness.
  ArmCoefficients coefficients(const GeneSet& set, bool standard_errors) const;

 private:
  struct Arm {
    Arm(const Cohort& cohort, int treated, const std::vector<dim_t>& candidates, bool clinical);
    std::vector<dim_t> columns(const GeneSet& set) const;
    TermDesign design;
    TermModel model;
  };
  double sum_of_ten(const ArmCoefficients& c) const;
  ArmCoefficients fit_arms(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set, bool standard_errors,
                           std::vector<double>& parameters) const;

  Fitness kind_;
  bool weighted_;
  Arm treated_, untreated_;
};

}  // namespace engram::genes
