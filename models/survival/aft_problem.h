#pragma once
/// The log-likelihood of an accelerated failure time model as the Newton iteration takes it. Internal to the survival
/// models.

#include "models/survival/aft_model.h"

namespace engram::survival {

/// Parameters: intercept, coefficients of the standardised columns, log sigma; in the memory of an AftScratch.
class AftProblem {
 public:
  AftProblem(const SurvivalDesign& design, AftDistribution distribution, const std::vector<double>& log_time,
             const AftEntries& entries, std::span<const dim_t> columns, AftScratch& scratch);

  double evaluate(const double* beta);
  /// Intercept, coefficients and scale from weighted least squares of log time, as if nobody were censored.
  void initialize(double* beta);
  /// Where the observed information is not positive definite, its part that is takes its place; with late entries that
  /// is a part of the information of patients seen from the beginning.
  void differentiate(NewtonState& state);
  /// Score and the observed information as it is.
  void differentiate_exactly(NewtonState& state);

  // For recession.h; reach is in units of sigma.
  double reach(const double* direction);
  double unit() const { return design_.mean_weight(); }
  dim_t num_linear() const { return columns_ + 1; }

 private:
  kernels::AftLikelihoodArgs likelihood_args();
  void set_information(NewtonState& state);
  void forget_entries(NewtonState& state);
  bool lacks_information(NewtonState& state);
  void use_part_never_negative(NewtonState& state);
  void add_scale_row(NewtonState& state, const double* mixed, double corner);

  const SurvivalDesign& design_;
  AftDistribution distribution_;
  const std::vector<double>& log_time_;
  const AftEntries& entries_;
  AftScratch& scratch_;
  dim_t columns_, stride_;
  double log_sigma_ = 0;  // last evaluated
  double totals_[4] = {};
};

}  // namespace engram::survival
