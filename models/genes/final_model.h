#pragma once
/// The joint model of the chosen genes: effects, intervals, and what each gene is worth given the others.

#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// One gene's treatment interaction in a joint model that also holds its main effect.
struct JointEffect {
  double effect = 0, se = 0;            ///< coefficient of gene x treatment
  double robust_se = 0;                 ///< its sandwich error; 0 unless asked for
  double main_effect = 0, main_se = 0;  ///< coefficient of the gene
  double drop = 0;  ///< likelihood ratio of leaving the product out, 1 degree of freedom; 0 where it is not estimable
  double signed_root = 0;  ///< root of `drop`, positive for more benefit from treatment
};

/// The joint model of treatment, clinical variables, adjusting genes, and main effects and products of `genes`.
struct JointModel {
  Likelihood likelihood = Likelihood::kLogLogistic;
  double loglik = 0;
  std::vector<JointEffect> effects;  ///< in the order of the genes given
};

/// Fits the joint model, and one more for each gene without its product. `adjust` are genes whose main effect belongs
/// to the base; `genes` may be among them. With `robust` errors are sandwich errors, too (over the cohort's clusters if
/// it has any), multiplied by the root of n / (n - parameters) since the fit makes residuals smaller than the errors.
/// Runs in parallel; the result does not depend on the number of threads.
JointModel fit_joint_model(const Cohort& cohort, const std::vector<dim_t>& genes, const std::vector<dim_t>& adjust,
                           Likelihood likelihood, bool robust = false);

/// The `count` genes of `genes` that backward elimination leaves in the model of the base, the adjusting genes and the
/// products of `genes`: the one whose loss costs least goes, again and again. In the order given.
std::vector<dim_t> strongest_genes(const Cohort& cohort, std::vector<dim_t> genes, const std::vector<dim_t>& adjust,
                                   Likelihood likelihood, std::size_t count);

/// The next `count` genes after `genes`, by greedy forward selection over main effects and products of `candidates`
/// that starts from the base, the adjusting genes and the products of `genes`: those whose product enters with the sign
/// of more benefit, in the order of their entry. Fewer where no more products can enter.
std::vector<dim_t> next_genes(const Cohort& cohort, const std::vector<dim_t>& genes, const std::vector<dim_t>& adjust,
                              const std::vector<dim_t>& candidates, Likelihood likelihood, int count);

}  // namespace engram::genes
