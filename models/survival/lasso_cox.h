#pragma once
/// Elastic-net Cox path by coordinate descent (Simon, Friedman, Hastie, Tibshirani 2011) with Newton steps on the
/// columns that are in, and its cross-validation.

#include <span>
#include <vector>

#include "models/survival/survival_design.h"

namespace engram::survival {

/// Minimises -l(beta)/n + lambda sum_j pf_j (alpha |b_j| + (1 - alpha) b_j^2 / 2) on standardised columns (variance
/// with 1/n), Breslow ties (docs/methods/genes.md, "Lasso and elastic net"); with case weights, n is their sum.
struct LassoOptions {
  double alpha = 1;
  std::vector<double> penalty_factor =
      {};  ///< one a column, >= 0; empty: ones. Rescaled to sum to the number of columns
  dim_t num_lambda = 100;
  double lambda_min_ratio = 0.01;
  std::vector<double> lambda = {};  ///< own path, descending; empty: from lambda_max down
  double tolerance = 1e-7;     ///< stop when the largest weighted squared change of a coefficient is below this part of
                               ///< the null deviance per patient
  dim_t max_passes = 1000000;  ///< over the coordinates, in all
  dim_t max_terms = -1;        ///< stop the path once more penalised columns than this are in; -1: never
};

/// The solution at one lambda, sparse, in the covariates' units.
struct LassoStep {
  double lambda = 0;
  std::vector<dim_t> column;  ///< positions within the fitted `columns`, ascending, coefficients not 0
  std::vector<double> coefficient;
  double loglik = 0;          ///< Breslow
  double deviance_ratio = 0;  ///< 1 - deviance / null deviance
};

struct LassoPath {
  std::vector<dim_t> columns;  ///< of the design
  std::vector<LassoStep> steps;
  double loglik_null = 0;    ///< all coefficients 0
  double null_deviance = 0;  ///< 2 (saturated loglik - loglik_null)
  dim_t passes = 0;
  bool converged = true;  ///< false if max_passes ended it; the steps given are complete

  /// Coefficients at steps[s] as one value a column.
  std::vector<double> dense(dim_t s) const;
};

/// The path over `columns`; strata, entry times, offsets and weights are taken as the design has them. A constant
/// column keeps coefficient 0; duplicate columns share what one would have. Throws UsageError for options that make no
/// sense and for a design without events.
LassoPath lasso_cox(const SurvivalDesign& design, std::span<const dim_t> columns, const LassoOptions& options = {});

struct LassoCvOptions {
  LassoOptions lasso = {};
  dim_t folds = 10;
  std::uint64_t seed = 1;                  ///< folds are drawn by Philox, balanced within events and censored
  std::vector<std::int32_t> fold_of = {};  ///< own folds 0..folds-1, one a patient in the outcome's order; empty: drawn
};

struct LassoCv {
  LassoPath path;                            ///< on all patients
  std::vector<double> mean, standard_error;  ///< per lambda: cross-validated partial-likelihood deviance per event
  dim_t index_min = 0, index_1se = 0;        ///< smallest mean; largest lambda within one standard error of it
};

/// K-fold cross-validation by the deviance of l_all(beta_-k) - l_-k(beta_-k) (spec F6 and 3.11; Simon et al. 2011).
/// Folds run in parallel; the result does not depend on the number of threads. Throws UsageError for fewer than 2 folds
/// or a fold without events.
LassoCv lasso_cox_cv(const SurvivalOutcome& outcome, const CovariateMatrix& covariates,
                     const LassoCvOptions& options = {});

}  // namespace engram::survival
