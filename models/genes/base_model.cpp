#include "models/genes/base_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "kernels/common/error.h"
#include "models/genes/term_design.h"
#include "models/survival/concordance.h"
#include "models/survival/cox_residuals.h"

namespace engram::genes {
namespace {

constexpr double kRejectHazards = -3;  // log10 of the p-value

void fit_cox_base(const Cohort& cohort, ModelChoice& choice) {
  const TermDesign terms(cohort, {});
  const survival::CoxModel model(terms.design());
  const survival::CoxFit fit = survival::fit_cox(model, terms.base());
  choice.cox_loglik_null = fit.loglik_null;
  choice.cox_loglik = fit.status.loglik;
  for (const survival::CoefficientRow& row : fit.table) {
    choice.names.push_back(row.name);
    choice.cox_coefficient.push_back(row.coefficient);
    choice.cox_se.push_back(row.standard_error);
  }
  const std::vector<double> risk = survival::centered_linear_predictor(terms.design(), fit);
  choice.cox_concordance = survival::concordance(outcome_of(cohort), risk).index;
  const survival::ProportionalHazardsCheck check = survival::check_proportional_hazards(model, fit);
  for (const auto& row : check.columns) choice.hazards.push_back({row.name, row.correlation, row.test.log10_p});
  choice.hazards_log10_p = check.global.log10_p;
  choice.proportional = choice.hazards_log10_p > kRejectHazards;
}

void fit_parametric_bases(const Cohort& cohort, ModelChoice& choice) {
  const Cohort positive = select_patients(cohort, positive_times(cohort));
  if (count_events(positive) == 0) throw DataError("[genes] expected deaths at positive times, got none");
  choice.patients_positive_time = positive.num_patients();
  const TermDesign terms(positive, {});
  double best = 0;
  bool any_converged = false;
  for (const Likelihood likelihood : {Likelihood::kLogLogistic, Likelihood::kLogNormal, Likelihood::kWeibull}) {
    const TermModel model(terms.design(), likelihood);
    const TermFit fit = model.fit(terms.base());
    const double parameters = 2 + double(std::ranges::count(fit.unusable, 0)), aic = 2 * (parameters - fit.loglik);
    // Without a maximum (columns that determine the times) a likelihood says nothing about its model.
    const bool better = fit.converged && (!any_converged || aic < best);
    if (choice.parametric.empty() || better) {
      best = aic;
      any_converged = fit.converged;
      choice.likelihood = likelihood;
      choice.time_coefficient = fit.coefficients;
      choice.time_se = model.standard_errors(fit);
    }
    choice.parametric.push_back({likelihood, fit.loglik, aic});
  }
}

}  // namespace

void require_question(const Cohort& cohort) {
  const dim_t treated = count_treated(cohort);
  if (treated == 0 || treated == cohort.num_patients())
    throw DataError(message("[genes] expected treated and untreated patients, got ",
                            treated == 0 ? "nobody" : "everybody", " treated in ", cohort.name,
                            ": no interaction with treatment can be estimated"));
  if (count_events(cohort) == 0)
    throw DataError(message("[genes] expected deaths, got none in ", cohort.name, ": no survival model can be fitted"));
}

ModelChoice choose_model(const Cohort& cohort) {
  require_question(cohort);
  ModelChoice choice;
  choice.patients = cohort.num_patients();
  choice.events = count_events(cohort);
  fit_cox_base(cohort, choice);
  fit_parametric_bases(cohort, choice);
  char p[32];
  std::snprintf(p, sizeof p, "1e%.1f", choice.hazards_log10_p);
  if (choice.proportional) {
    choice.likelihood = Likelihood::kCox;
    choice.reason =
        message("Proportional hazards are not rejected (global p = ", p, "), so effects are log hazard ratios.");
  } else {
    choice.reason =
        message("Proportional hazards are rejected (global p = ", p, "), and the ", likelihood_name(choice.likelihood),
                " model has the smallest AIC of the parametric ones, so effects are shifts of log time.");
  }
  return choice;
}

}  // namespace engram::genes
