#pragma once
/// A fitted Cox model with everything that is reported of it.

#include <optional>
#include <string>
#include <vector>

#include "models/survival/cox_model.h"
#include "models/survival/sandwich.h"

namespace engram::survival {

/// One column's line of a results table. No NaN: an aliased column has coefficient and standard error 0 and log10_p 0.
struct CoefficientRow {
  std::string name;
  double coefficient = 0;
  double standard_error = 0;  ///< model-based, or robust where the fit is robust
  double z = 0;               ///< Wald
  double log10_p = 0;         ///< two-sided, normal
  double support = 0;         ///< patients that the coefficient rests on (support.h)
  bool aliased = false, infinite = false;
};

/// The table and the tests of one fit. Matrices are row-major [k, k], k = number of columns fitted.
struct CoxFit {
  std::vector<dim_t> columns;  ///< of the design
  std::vector<CoefficientRow> table;
  FitStatus status;
  double loglik_null = 0;                       ///< all coefficients 0
  std::vector<double> covariance;               ///< inverse information
  std::vector<double> robust_covariance;        ///< empty unless asked for
  ChiSquareTest wald, score, likelihood_ratio;  ///< of all columns against none; Wald uses the robust covariance if any
  dim_t rows = 0, num_events = 0;

  std::vector<double> coefficients() const;
};

/// Fits `columns` and derives the table. Throws as CoxModel::fit, and ShapeError for clusters of the wrong length.
CoxFit fit_cox(const CoxModel& model, std::span<const dim_t> columns, const RobustOptions& robust = {});

/// exp(x . coefficients) is relative to a patient with reported_mean() in every column (R's centred linear predictor),
/// without the offset; one value a patient, in the outcome's order.
std::vector<double> centered_linear_predictor(const SurvivalDesign& design, const CoxFit& fit);

}  // namespace engram::survival
