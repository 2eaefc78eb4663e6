#pragma once
/// The Cox likelihood of chosen columns as the Newton iteration takes it. Internal to the survival models.

#include "models/survival/cox_model.h"

namespace engram::survival {

/// Works in standardised units, in the memory of a CoxScratch.
class CoxProblem {
 public:
  CoxProblem(const SurvivalDesign& design, CoxTies ties, std::span<const dim_t> columns, CoxScratch& scratch);

  double evaluate(const double* beta);
  void initialize(double*) {}
  /// Linear predictor [rows] at the beta last evaluated, offset included.
  std::span<const double> eta() const { return {scratch_.eta_.data(), std::size_t(design_.rows())}; }
  void differentiate(NewtonState& state);

  // For recession.h.
  double reach(const double* direction);
  double unit() const { return design_.mean_weight(); }
  dim_t num_linear() const { return columns_; }

  /// Half the derivative of log det I by beta, [columns], given the inverse of I [stride, stride].
  void firth_gradient(const double* inverse, double* gradient);

 private:
  const SurvivalDesign& design_;
  CoxTies ties_;
  CoxScratch& scratch_;
  dim_t columns_, stride_;
};

}  // namespace engram::survival
