#pragma once
/// The models without any gene at which score tests are taken and exact fits begin.

#include "kernels/survival_screen/risk_sets.h"
#include "models/genes/cohort.h"

namespace engram::genes {

/// Columns every gene's model shares, one after the other, centred: treatment (if wanted), then clinical variables (if
/// wanted).
std::vector<double> shared_covariates(const Cohort& cohort, bool treatment, bool clinical);

/// Cox model of the shared covariates.
struct CoxNullModel {
  kernels::RiskSets risk;
  std::vector<double> covariates;   ///< [columns, patients]
  std::vector<double> coefficient;  ///< [columns]; 0 where the others explain a column
  std::vector<double> eta;          ///< [patients]
  dim_t columns() const { return static_cast<dim_t>(coefficient.size()); }
};

/// Fits it to the last digits. Throws DataError when nobody died.
CoxNullModel fit_cox_null(const Cohort& cohort, kernels::CoxTies ties, bool treatment, bool clinical);

/// Derivatives at the log-logistic accelerated-failure-time model of the shared covariates (3.5).
struct AftNullModel {
  std::vector<double> covariates;  ///< [1 + columns, patients]: a column of ones first
  std::vector<double> u;           ///< [patients] dl / d eta
  std::vector<double> w;           ///< [patients] -d2l / d eta2
};

/// Fits it with treatment and all clinical variables; all times must be positive. Throws DataError when nobody died.
AftNullModel fit_aft_null(const Cohort& cohort);

}  // namespace engram::genes
