#pragma once
/// Cohorts like the data in all but this: only the genes named change what the treatment does.

#include <cstdint>
#include <vector>

#include "models/genes/term_model.h"

namespace engram::genes {

/// Draws them. A model of log time (the likelihood's; Weibull for Cox) of treatment, clinical variables, main effects
/// of `adjust`, and main effects and products of `held` is fitted. A replicate gives each patient the residual of log
/// time, and whether it ended in death, of a patient of the same arm: residuals are permuted within the arms. Entries
/// go with them, as far before the time on the log scale as they were. Treatment, clinical variables, genes, the arms'
/// residual laws and the share of deaths stay; ties between residuals and other genes go. Patients with time <= 0 are
/// left out, and in clusters patients become independent.
class ResidualReplicates {
 public:
  /// `cohort` must outlive the object. Throws as TermDesign, and DataError without patients of positive time.
  ResidualReplicates(const Cohort& cohort, const std::vector<dim_t>& held, const std::vector<dim_t>& adjust,
                     Likelihood likelihood);

  /// Replicate `index`, in risk order; it depends on the seed and the index alone.
  Cohort draw(std::uint64_t seed, dim_t index) const;

 private:
  Cohort patients_;
  std::vector<double> location_;  // expected log time
};

}  // namespace engram::genes
