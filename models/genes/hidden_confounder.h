#pragma once
/// Sensitivity of the selected genes to a hidden confounder (docs/methods/genes.md, "Causal checks", rule 4b).

#include <cstdint>
#include <vector>

#include "models/genes/base_model.h"
#include "models/genes/cohort.h"

namespace engram::genes {

/// The cohort with a simulated clinical variable "hidden factor": normal noise, treatment and log time (ranks of the
/// time where not all are above 0) mixed so that its correlation with both is `correlation`, in [0, 0.7]; where
/// treatment and time are so opposed that no variable can be tied to both, less. The same seed gives the same noise.
Cohort with_hidden_factor(const Cohort& cohort, double correlation, std::uint64_t seed);

/// Coefficient of each of `genes` x treatment in the joint model of fit_joint_model() with a hidden factor of
/// correlation 0.1, 0.2, ... 0.5 added: the one that speaks least for more benefit. Throws as fit_joint_model().
std::vector<double> weakest_effects(const Cohort& cohort, const std::vector<dim_t>& genes,
                                    const std::vector<dim_t>& adjust, Likelihood likelihood, std::uint64_t seed);

}  // namespace engram::genes
