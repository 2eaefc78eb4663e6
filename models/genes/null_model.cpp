#include "models/genes/null_model.h"

#include <cmath>

#include "kernels/common/error.h"
#include "models/genes/cohort_checks.h"
#include "models/survival/aft_model.h"
#include "models/survival/cox_model.h"

namespace engram::genes {
namespace {

void append_centred(std::span<const double> column, std::vector<double>& out) {
  double sum = 0;
  for (const double x : column) sum += x;
  const double mean = sum / static_cast<double>(column.size());
  for (const double x : column) out.push_back(x - mean);
}

survival::SurvivalDesign make_design(const Cohort& cohort, const std::vector<double>& covariates) {
  survival::SurvivalOutcome outcome;
  outcome.time = cohort.time;
  outcome.event = cohort.event;
  survival::CovariateMatrix matrix(cohort.num_patients());
  const auto patients = cohort.time.size();
  for (std::size_t k = 0; k * patients < covariates.size(); ++k) {
    matrix.add("column " + std::to_string(k), std::span<const double>(covariates).subspan(k * patients, patients));
  }
  return survival::SurvivalDesign(outcome, matrix);
}

/// Sum over columns of coefficient[k] * covariates[k] for each patient.
std::vector<double> linear_predictor(const std::vector<double>& covariates, std::span<const double> coefficient,
                                     std::size_t patients) {
  std::vector<double> eta(patients);
  for (std::size_t k = 0; k < coefficient.size(); ++k) {
    for (std::size_t i = 0; i < patients; ++i) eta[i] += coefficient[k] * covariates[k * patients + i];
  }
  return eta;
}

}  // namespace

std::vector<double> shared_covariates(const Cohort& cohort, bool treatment, bool clinical) {
  std::vector<double> out;
  if (treatment) append_centred(std::vector<double>(cohort.treatment.begin(), cohort.treatment.end()), out);
  for (dim_t k = 0; clinical && k < cohort.num_clinical(); ++k) append_centred(cohort.clinical_column(k), out);
  return out;
}

CoxNullModel fit_cox_null(const Cohort& cohort, kernels::CoxTies ties, bool treatment, bool clinical) {
  require_events(cohort);
  CoxNullModel null;
  null.risk = kernels::make_risk_sets(cohort.time.data(), cohort.event.data(), nullptr, cohort.num_patients(), ties);
  null.covariates = shared_covariates(cohort, treatment, clinical);
  const survival::SurvivalDesign design = make_design(cohort, null.covariates);
  const survival::CoxModel model(design, {.ties = ties, .newton = survival::exact_newton()});
  survival::CoxScratch scratch;
  model.fit(design.all_columns(), {}, scratch);
  null.coefficient.assign(scratch.coefficients().begin(), scratch.coefficients().end());
  null.eta = linear_predictor(null.covariates, null.coefficient, cohort.time.size());
  return null;
}

AftNullModel fit_aft_null(const Cohort& cohort) {
  require_two_arms(cohort);
  AftNullModel null;
  const std::vector<double> covariates = shared_covariates(cohort, true, true);
  const survival::SurvivalDesign design = make_design(cohort, covariates);
  const survival::AftModel model(
      design, {.distribution = survival::AftDistribution::kLogLogistic, .newton = survival::exact_newton()});
  survival::AftScratch scratch;
  model.fit(design.all_columns(), {}, scratch);
  const std::vector<double> eta = linear_predictor(covariates, scratch.coefficients(), cohort.time.size());
  const double sigma = std::exp(scratch.log_scale());
  for (std::size_t i = 0; i < eta.size(); ++i) {
    const double z = (std::log(cohort.time[i]) - scratch.intercept() - eta[i]) / sigma;
    // p and 1 - p of the logistic law, neither by a difference that cancels.
    const double p = 1 / (1 + std::exp(-z)), rest = 1 / (1 + std::exp(z));
    const double curvature = p * rest / (sigma * sigma);
    null.u.push_back((cohort.event[i] ? p - rest : p) / sigma);
    null.w.push_back(cohort.event[i] ? 2 * curvature : curvature);
  }
  null.covariates.assign(cohort.time.size(), 1.0);
  null.covariates.insert(null.covariates.end(), covariates.begin(), covariates.end());
  return null;
}

}  // namespace engram::genes
