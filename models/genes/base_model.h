#pragma once
/// The model without genes, and the choice of the scale on which genes are sought (docs/methods/genes.md, "Models of
/// log time").

#include <string>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// A parametric fit of treatment and clinical variables.
struct ParametricFit {
  Likelihood likelihood = Likelihood::kLogLogistic;
  double loglik = 0, aic = 0;
};

/// Test of one covariate's proportional hazards.
struct HazardCheckRow {
  std::string name;
  double correlation = 0;  ///< of the scaled Schoenfeld residuals with the rank of time
  double log10_p = 0;
};

/// What the choice rests on.
struct ModelChoice {
  Likelihood likelihood = Likelihood::kLogLogistic;  ///< the one chosen
  std::string reason;                                ///< one sentence
  std::vector<ParametricFit> parametric;             ///< log-logistic, log-normal, Weibull
  double cox_loglik_null = 0, cox_loglik = 0, cox_concordance = 0;
  std::vector<HazardCheckRow> hazards;
  double hazards_log10_p = 0;  ///< of all covariates together
  bool proportional = true;
  std::vector<std::string> names;                 ///< treatment and clinical variables
  std::vector<double> cox_coefficient, cox_se;    ///< as names
  std::vector<double> time_coefficient, time_se;  ///< on log time, best parametric model
  dim_t patients = 0, patients_positive_time = 0, events = 0;
};

/// Throws DataError unless somebody died and both arms have patients: otherwise there is nothing to estimate.
void require_question(const Cohort& cohort);

/// Fits Cox and the three parametric models to treatment and clinical variables. Hazards count as proportional unless
/// the global test has p < 0.001. If they do, Cox is chosen, else the parametric model with the smallest AIC.
/// Throws as require_question(), and DataError when no time is above 0.
ModelChoice choose_model(const Cohort& cohort);

}  // namespace engram::genes
