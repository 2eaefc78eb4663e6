#pragma once
/// Each patient's gain from treatment as the chosen genes predict it, against the truth of a simulation
/// (docs/methods/genes.md, "Concordance" and "Evaluation").

#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// What treatment is predicted to do for each patient, in the cohort's order and in the model's units with the sign of
/// more benefit: treatment's coefficient plus those of the products of the genes carried, from a model of treatment,
/// clinical variables and the products.
std::vector<double> predicted_benefit(const Cohort& cohort, const std::vector<dim_t>& genes, Likelihood likelihood);

/// Agreement of predicted with true gains.
struct BenefitScore {
  double concordance = 0;          ///< Spearman correlation; 0 where one side does not vary
  double gain_of_all = 0;          ///< mean true gain in log time if everybody is treated
  double gain_of_recommended = 0;  ///< mean true gain of those with a predicted benefit above 0; 0 if there are none
  double share_recommended = 0;
};

/// Measures `predicted` against `truth`, one entry a patient each. Throws UsageError for different lengths or none.
BenefitScore benefit_score(const std::vector<double>& predicted, const std::vector<double>& truth);

}  // namespace engram::genes
