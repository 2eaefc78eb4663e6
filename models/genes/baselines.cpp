#include "models/genes/baselines.h"

#include <algorithm>

#include "models/genes/fitness/arm_contrast.h"
#include "models/genes/term_design.h"
#include "models/survival/cox_fit.h"
#include "models/survival/lasso_cox.h"
#include "models/survival/propensity.h"

namespace engram::genes {
namespace {

struct Scored {
  dim_t gene;
  double score;
};

std::vector<dim_t> best_first(std::vector<Scored> scored, bool positive_only) {
  if (positive_only) std::erase_if(scored, [](const Scored& s) { return !(s.score > 0); });
  std::stable_sort(scored.begin(), scored.end(), [](const Scored& a, const Scored& b) { return a.score > b.score; });
  std::vector<dim_t> genes;
  for (const Scored& s : scored) genes.push_back(s.gene);
  return genes;
}

}  // namespace

std::vector<dim_t> rank_by_forward(const Cohort& cohort, const std::vector<dim_t>& candidates, Likelihood likelihood,
                                   int genes) {
  const TermDesign design(usable_patients(cohort, likelihood), candidates);
  const TermModel model(design.design(), likelihood);
  return forward_genes(design, model, design.base(), genes);
}

std::vector<dim_t> rank_by_lasso(const Cohort& cohort, const std::vector<dim_t>& candidates, std::uint64_t seed) {
  survival::CovariateMatrix matrix(cohort.num_patients());
  add_base_columns(cohort, true, matrix);
  const dim_t base = matrix.columns(), count = dim_t(candidates.size());
  for (dim_t gene : candidates) matrix.add(cohort.gene_names[std::size_t(gene)], gene_column(cohort, gene));
  for (dim_t gene : candidates)
    matrix.add(cohort.gene_names[std::size_t(gene)] + " x treatment", product_column(cohort, gene));
  survival::LassoCvOptions options;
  options.seed = seed;
  options.folds = 5;
  options.lasso.num_lambda = 40;
  options.lasso.lambda_min_ratio = 0.03;
  options.lasso.tolerance = 1e-7;
  options.lasso.penalty_factor.assign(std::size_t(matrix.columns()), 1.0);
  std::fill_n(options.lasso.penalty_factor.begin(), base, 0.0);
  const survival::LassoCv cv = survival::lasso_cox_cv(outcome_of(cohort), matrix, options);
  const std::vector<double> coefficients = cv.path.dense(cv.index_min);
  std::vector<Scored> scored;
  for (dim_t j = 0; j < count; ++j)
    scored.push_back({candidates[std::size_t(j)], -coefficients[std::size_t(base + count + j)]});
  return best_first(std::move(scored), true);
}

std::vector<dim_t> rank_by_arm_contrast(const Cohort& cohort, const std::vector<dim_t>& candidates) {
  const dim_t terms = cohort.num_clinical() + dim_t(candidates.size());
  for (int arm : {0, 1})
    if (count_events(select_patients(cohort, patients_in_arm(cohort, arm))) < 2 * terms) return {};
  FitnessOptions options;
  options.kind = Fitness::kArmContrast;
  const ArmContrastObjective objective(cohort, candidates, options);
  GeneSet all;
  for (int j = 0; j < objective.num_genes(); ++j) all.insert(j);
  const ArmCoefficients arms = objective.coefficients(all, false);
  std::vector<Scored> scored;
  for (std::size_t j = 0; j < candidates.size(); ++j) scored.push_back({candidates[j], arms.difference(j)});
  return best_first(std::move(scored), false);
}

std::vector<dim_t> rank_by_modified_covariates(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                               const std::vector<double>& propensity) {
  survival::SurvivalOutcome outcome = outcome_of(cohort);
  outcome.weight.clear();
  for (std::size_t i = 0; i < propensity.size(); ++i)
    outcome.weight.push_back(1 / (cohort.treatment[i] != 0 ? propensity[i] : 1 - propensity[i]));
  survival::CovariateMatrix matrix(cohort.num_patients());
  matrix.add("Treatment", treatment_column(cohort));
  for (dim_t gene : candidates) {
    std::vector<double> column = gene_column(cohort, gene);
    for (std::size_t i = 0; i < column.size(); ++i) column[i] *= cohort.treatment[i] - 0.5;
    matrix.add(cohort.gene_names[std::size_t(gene)], column);
  }
  const survival::SurvivalDesign design(outcome, matrix);
  const survival::CoxModel model(design);
  survival::RobustOptions robust;
  robust.enabled = true;
  const survival::CoxFit fit = survival::fit_cox(model, design.all_columns(), robust);
  std::vector<Scored> scored;
  for (std::size_t j = 0; j < candidates.size(); ++j) scored.push_back({candidates[j], -fit.table[j + 1].z});
  return best_first(std::move(scored), false);
}

}  // namespace engram::genes
