#include "models/genes/robust_screen.h"

#include "kernels/common/parallel.h"
#include "models/genes/base_model.h"
#include "models/genes/cohort_checks.h"
#include "models/genes/gene_tests.h"
#include "models/genes/term_design.h"
#include "models/survival/cox_fit.h"
#include "models/survival/probability.h"
#include "models/survival/support.h"

namespace engram::genes {
namespace {

/// The columns of all genes' models, the gene's own last.
survival::CovariateMatrix base_columns(const Cohort& cohort, const RobustScreenOptions& options) {
  survival::CovariateMatrix matrix(cohort.num_patients());
  const bool treatment = options.product && !options.stratify_treatment;
  if (options.adjust) {
    add_base_columns(cohort, treatment, matrix);
  } else if (treatment) {
    matrix.add(cohort.treatment_name, treatment_column(cohort));
  }
  return matrix;
}

struct Tested {
  survival::CoefficientRow row;
  bool converged = false;
};

Tested test_gene(const Cohort& cohort, dim_t gene, const survival::SurvivalOutcome& outcome,
                 survival::CovariateMatrix matrix, const RobustScreenOptions& options) {
  matrix.add(cohort.gene_names[std::size_t(gene)], gene_column(cohort, gene));
  if (options.product) matrix.add("product", product_column(cohort, gene));
  const survival::SurvivalDesign design(outcome, matrix);
  const survival::CoxModel model(design, {.ties = options.ties});
  const survival::CoxFit fit =
      survival::fit_cox(model, design.all_columns(), {.enabled = options.robust, .cluster = cohort.cluster});
  return {fit.table.back(), fit.status.converged};
}

FitStatus status_of(const Tested& tested) {
  if (tested.row.aliased) return FitStatus::kNotEstimable;
  if (tested.row.support < survival::kFewPatients) return FitStatus::kFewCarriers;
  if (tested.row.infinite) return FitStatus::kSeparated;
  return tested.converged ? FitStatus::kOk : FitStatus::kNotConverged;
}

}  // namespace

GeneTests robust_screen(const Cohort& cohort, const RobustScreenOptions& options) {
  options.product || options.stratify_treatment ? require_question(cohort) : require_events(cohort);
  Cohort strata;
  if (options.stratify_treatment) {
    strata = cohort;
    stratify_by_treatment(strata);
  }
  const survival::SurvivalOutcome outcome = outcome_of(options.stratify_treatment ? strata : cohort);
  const survival::CovariateMatrix base = base_columns(cohort, options);
  GeneTests tests;
  tests.screen = !options.product ? "A" : options.adjust ? "C" : "B";
  const auto genes = std::size_t(cohort.num_genes());
  for (auto* v : {&tests.effect, &tests.se, &tests.z, &tests.log10_p}) v->assign(genes, 0);
  tests.status.assign(genes, FitStatus::kOk);
  kernels::parallel_for(cohort.num_genes(), 1 << 20, [&](dim_t gene) {
    const Tested tested = test_gene(cohort, gene, outcome, base, options);
    const auto j = std::size_t(gene);
    tests.status[j] = status_of(tested);
    tests.effect[j] = tested.row.coefficient;
    if (tests.status[j] != FitStatus::kOk) return;
    tests.se[j] = tested.row.standard_error;
    tests.z[j] = tested.row.z;
    tests.log10_p[j] = tested.row.log10_p;
  });
  tests.model_log10_p = tests.log10_p;
  adjust_for_multiplicity(tests);
  return tests;
}

}  // namespace engram::genes
