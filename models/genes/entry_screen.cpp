#include "models/genes/entry_screen.h"

#include <algorithm>
#include <array>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "models/genes/base_model.h"
#include "models/genes/cohort_checks.h"
#include "models/genes/forward_terms.h"
#include "models/genes/robust_screen.h"
#include "models/genes/term_design.h"
#include "models/genes/term_model.h"
#include "models/survival/probability.h"

namespace engram::genes {
namespace {

/// The product's estimate in the log-logistic model of treatment, clinical variables, gene and product.
void fit_product(const Cohort& cohort, dim_t gene, GeneTests& tests) {
  const std::array<dim_t, 1> candidates = {gene};
  const TermDesign design(cohort, candidates);
  const TermModel model(design.design(), Likelihood::kLogLogistic);
  const TermFit fit = model.fit(design.joint_columns());
  const auto place = std::ranges::find(fit.columns, design.product(0)) - fit.columns.begin();
  const auto product = std::size_t(place), j = std::size_t(gene);
  if (fit.aliased[product] != 0) {
    tests.status[j] = FitStatus::kNotEstimable;
    return;
  }
  tests.status[j] = fit.unusable[product] != 0 ? FitStatus::kSeparated
                    : fit.converged            ? FitStatus::kOk
                                               : FitStatus::kNotConverged;
  tests.effect[j] = fit.coefficients[product];
  if (tests.status[j] != FitStatus::kOk) return;
  tests.se[j] = model.standard_errors(fit)[product];
  if (tests.se[j] > 0) tests.z[j] = tests.effect[j] / tests.se[j];
  tests.log10_p[j] = survival::log10_p_normal(tests.z[j]);
}

GeneTests log_time_screen(const Cohort& cohort) {
  require_question(cohort);
  GeneTests tests;
  const auto genes = std::size_t(cohort.num_genes());
  for (auto* v : {&tests.effect, &tests.se, &tests.z, &tests.log10_p}) v->assign(genes, 0);
  tests.status.assign(genes, FitStatus::kOk);
  kernels::parallel_for(cohort.num_genes(), kWorkOfFit, [&](dim_t gene) { fit_product(cohort, gene, tests); });
  return tests;
}

}  // namespace

bool knows_entries(const std::string& screen) {
  return screen == "A" || screen == "B" || screen == "C" || screen == "TA" || screen == "AFT";
}

GeneTests entry_screen(const Cohort& cohort, const std::string& screen, TieMethod ties, bool adjust) {
  if (!knows_entries(screen))
    throw UsageError(message("[screen] expected A, B, C, TA or AFT for patients with entry times, got ", screen,
                             ", whose sums run over risk sets that begin at 0"));
  if (screen == "AFT") return log_time_screen(cohort);
  RobustScreenOptions options{.ties = ties, .product = screen == "B" || screen == "C", .robust = false};
  options.adjust = screen == "C" || (screen == "TA" && adjust);
  if (screen != "TA") return robust_screen(cohort, options);
  require_two_arms(cohort);
  return robust_screen(select_patients(cohort, patients_in_arm(cohort, 1)), options);
}

}  // namespace engram::genes
