#pragma once
/// Accelerated failure time regression: log Y = intercept + x . beta + offset + sigma e (docs/methods/genes.md, "Models
/// of log time").

#include <span>
#include <string>
#include <vector>

#include "kernels/aft_likelihood/aft_likelihood.h"
#include "models/survival/aft_entries.h"
#include "models/survival/newton.h"
#include "models/survival/probability.h"
#include "models/survival/sandwich.h"
#include "models/survival/survival_design.h"

namespace engram::survival {

using kernels::AftDistribution;

/// "weibull", "lognormal", "loglogistic".
const char* distribution_name(AftDistribution distribution);
/// The inverse. Throws UsageError that lists the names.
AftDistribution parse_distribution(const std::string& name);

struct AftOptions {
  AftDistribution distribution = AftDistribution::kLogLogistic;
  NewtonControl newton = {};
};

/// Memory of one fit, reused from fit to fit; after a fit it holds the result. One thread at a time.
/// Parameters of a fit of k columns, length k + 2: intercept, k coefficients, log sigma.
class AftScratch {
 public:
  /// In the covariates' units; coefficients of aliased columns are 0.
  std::span<const double> parameters() const { return {parameters_.data(), std::size_t(columns_ + 2)}; }
  double intercept() const { return parameters_[0]; }
  std::span<const double> coefficients() const { return {parameters_.data() + 1, std::size_t(columns_)}; }
  double log_scale() const { return parameters_[std::size_t(columns_) + 1]; }
  std::span<const std::uint8_t> aliased() const { return {newton_.aliased.data() + 1, std::size_t(columns_)}; }
  std::span<const std::uint8_t> infinite() const { return {newton_.infinite.data() + 1, std::size_t(columns_)}; }
  /// The columns determine the log times of all who died, so that the likelihood rises without end as sigma goes to 0:
  /// there is no estimate of anything.
  bool scale_vanishes() const { return newton_.infinite[std::size_t(columns_) + 1] != 0; }

 private:
  friend class AftModel;
  friend class AftProblem;

  NewtonState newton_;
  dim_t columns_ = 0;
  std::vector<const double*> sources_;                      // [columns + 1]
  std::vector<double> panel_;                               // [rows, stride]: 1, standardised columns, zeros
  std::vector<double> eta_, gradient_, curvature_, mixed_;  // [rows]
  std::vector<double> parameters_;
};

/// What a test of one more column says.
struct AftScoreTest {
  double z = 0;         ///< signed: positive where a larger value goes with longer life; 0 if the column is aliased
  double one_step = 0;  ///< one-step estimate of its coefficient
  double log10_p = 0;   ///< two-sided, normal
};

/// Fits over one design with positive times. As CoxModel: cheap, const, single-threaded, for use by many threads.
class AftModel {
 public:
  /// Entry times above 0 are left truncation. Throws DataError (which names the patient) for a time <= 0, and
  /// UsageError for strata, which these models do not take, and for a design without events.
  explicit AftModel(const SurvivalDesign& design, const AftOptions& options = {});

  const SurvivalDesign& design() const { return *design_; }
  const AftOptions& options() const { return options_; }

  /// Maximises the log-likelihood (with its -log time terms) over intercept, coefficients of `columns` and log sigma.
  /// `start`: k + 2 parameters; empty, or worse than a model without columns: least squares on log time. The result
  /// lies in `scratch`. Throws UsageError for columns that do not exist or a start of the wrong length.
  FitStatus fit(std::span<const dim_t> columns, std::span<const double> start, AftScratch& scratch) const;

  /// Log-likelihood at given parameters.
  double loglik(std::span<const dim_t> columns, std::span<const double> parameters, AftScratch& scratch) const;

  /// Log-likelihood, score [k + 2] and observed information [k + 2, k + 2] at given parameters, in the covariates'
  /// units. `score` and `information` may be empty.
  double derivatives(std::span<const dim_t> columns, std::span<const double> parameters, std::span<double> score,
                     std::span<double> information, AftScratch& scratch) const;

  /// Inverse observed information [k + 2, k + 2] of the columns that the fit did not call `aliased` ([k], a copy: the
  /// scratch is overwritten). Rows and columns of those are 0, and those of parameters without information there.
  void covariance(std::span<const dim_t> columns, std::span<const double> parameters,
                  std::span<const std::uint8_t> aliased, std::span<double> covariance, AftScratch& scratch) const;

  /// Score residuals, row-major [rows, k + 2], patients in the outcome's order, covariates' units, times the case
  /// weight: their sum is the score.
  std::vector<double> score_residuals(std::span<const dim_t> columns, std::span<const double> parameters,
                                      AftScratch& scratch) const;

  /// Score test of each of `candidates` added to a fitted null model (`columns`, `parameters`), sigma held: the
  /// candidate is residualised on (1, columns) with weights -d2l/deta2 (docs/methods/genes.md, "Models of log time").
  /// Work per candidate: rows x columns.
  std::vector<AftScoreTest> score_tests(std::span<const dim_t> columns, std::span<const double> parameters,
                                        std::span<const dim_t> candidates, AftScratch& scratch) const;

 private:
  /// What log S(entry) gives to dl/deta by row, at the scratch's linear predictor; empty without entries.
  std::vector<double> entry_gradients(double log_sigma, const AftScratch& scratch) const;

  const SurvivalDesign* design_;
  AftOptions options_;
  double loglik_start_ = 0;       // without columns, at the least-squares start
  std::vector<double> log_time_;  // sorted as the design
  AftEntries entries_;            // likewise
};

/// A fitted model with its table.
struct AftFit {
  AftDistribution distribution{};
  std::vector<dim_t> columns;
  std::vector<std::string> names;                            ///< "(Intercept)", the columns, "log(scale)"
  std::vector<double> estimate, standard_error, z, log10_p;  ///< as names; aliased columns: 0; robust where the fit is
  std::vector<std::uint8_t> aliased, infinite;
  std::vector<double> support;            ///< [k]: patients that each column rests on (support.h)
  std::vector<double> covariance;         ///< [k + 2, k + 2]: inverse observed information
  std::vector<double> robust_covariance;  ///< empty unless asked for
  FitStatus status;
  double loglik_intercept_only = 0;
  ChiSquareTest likelihood_ratio;  ///< of all columns
  double scale = 1;                ///< sigma
  double aic = 0;                  ///< 2 (parameters not aliased) - 2 loglik
  /// The likelihood rises without end as sigma goes to 0 (AftScratch::scale_vanishes): "log(scale)" is infinite, and
  /// standard errors, tests and p-values are 0 because there are none.
  bool scale_vanishes = false;
};

/// Fits `columns` from scratch and derives the table. Throws ShapeError for clusters of the wrong length.
AftFit fit_aft(const AftModel& model, std::span<const dim_t> columns, const RobustOptions& robust = {});

}  // namespace engram::survival
