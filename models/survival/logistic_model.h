#pragma once
/// Logistic regression by Newton (iteratively reweighted least squares).

#include <span>
#include <string>
#include <vector>

#include "models/survival/newton.h"
#include "models/survival/outcome.h"

namespace engram::survival {

/// Estimates: intercept first, then the columns. Aliased columns have 0.
struct LogisticFit {
  std::vector<std::string> names;  ///< "(Intercept)", then the columns
  std::vector<double> estimate, standard_error, z, log10_p;
  std::vector<std::uint8_t> aliased, infinite;
  std::vector<double> covariance;   ///< row-major
  std::vector<double> probability;  ///< fitted P(response = 1), one a patient
  FitStatus status;                 ///< loglik_start is that of the intercept alone
};

/// Fits P(response = 1) = 1 / (1 + exp(-(b0 + x . b))) on all columns. `weight` may be empty. Throws ShapeError for
/// mismatched lengths, DataError for responses other than 0 and 1, for bad weights, and if all responses are equal
/// ("everybody got the treatment").
LogisticFit fit_logistic(const CovariateMatrix& covariates, std::span<const std::uint8_t> response,
                         std::span<const double> weight = {}, const NewtonControl& control = {});

}  // namespace engram::survival
