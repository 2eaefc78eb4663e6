#pragma once
/// One interface to the likelihoods that gene selection fits: Cox and the parametric accelerated-failure-time models.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/genes/cohort.h"
#include "models/survival/aft_model.h"
#include "models/survival/cox_model.h"

namespace engram::genes {

/// The scale on which effects add up.
enum class Likelihood { kCox, kLogLogistic, kLogNormal, kWeibull };

/// "cox", "loglogistic", "lognormal", "weibull".
const char* likelihood_name(Likelihood likelihood);
/// The inverse. Throws UsageError that lists the names.
Likelihood parse_likelihood(const std::string& name);

/// The sign of a coefficient that means a longer life: -1 for Cox (log hazard), 1 for the others (log time).
int benefit_sign(Likelihood likelihood);

/// The patients that the likelihood can use: all for Cox, those with time > 0 for the others. Throws as
/// positive_times().
Cohort usable_patients(const Cohort& cohort, Likelihood likelihood);

/// A fit of some columns.
struct TermFit {
  double loglik = 0;
  bool converged = false;
  std::vector<dim_t> columns;
  std::vector<double> coefficients;    ///< one a column; 0 where unusable
  std::vector<std::uint8_t> aliased;   ///< 1 where the other columns determine the column
  std::vector<std::uint8_t> unusable;  ///< 1 where the column is aliased or its likelihood rises without end
  std::vector<double> parameters;      ///< as the model wants them for a start
};

/// A likelihood over a design. Const functions may run in several threads at once.
class TermModel {
 public:
  /// `design` must outlive the model. Throws DataError for a parametric model with times <= 0.
  TermModel(const survival::SurvivalDesign& design, Likelihood likelihood);

  Likelihood likelihood() const { return likelihood_; }
  const survival::SurvivalDesign& design() const { return design_; }

  /// Maximises over the coefficients of `columns`, starting at `start` (as start_from() makes it; empty: from scratch).
  TermFit fit(std::span<const dim_t> columns, std::span<const double> start = {}) const;

  /// A start for `columns` out of a fit of other columns: its coefficient where it has the column, else 0.
  std::vector<double> start_from(const TermFit& fit, std::span<const dim_t> columns) const;

  /// Standard errors of a fit's coefficients; 0 where unusable.
  std::vector<double> standard_errors(const TermFit& fit) const;
  /// Robust (sandwich) standard errors of a fit's coefficients, right under case weights; 0 where unusable. Patients
  /// with the same label of `cluster` (in the outcome's order; empty: none) need not be independent. Fits again.
  std::vector<double> robust_standard_errors(const TermFit& fit, const std::vector<std::int32_t>& cluster = {}) const;

  /// What is left of each patient, in the outcome's order: the derivative of the log-likelihood by the linear predictor
  /// (Cox: the martingale residual), signed so that a positive value means a longer life than the fit expects.
  std::vector<double> residuals(const TermFit& fit) const;

  /// Parametric models only: intercept and linear predictor of each patient, in the outcome's order.
  std::vector<double> locations(const TermFit& fit) const;

  /// Parametric models only: score tests of columns added to a fit.
  std::vector<survival::AftScoreTest> score_tests(const TermFit& fit, std::span<const dim_t> candidates) const;

 private:
  const survival::SurvivalDesign& design_;
  Likelihood likelihood_;
  std::unique_ptr<survival::CoxModel> cox_;
  std::unique_ptr<survival::AftModel> aft_;
};

}  // namespace engram::genes
