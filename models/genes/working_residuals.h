#pragma once
/// What a fitted model leaves of each patient, and how that changes with the patient's linear predictor.

#include <cstdint>
#include <span>
#include <vector>

#include "models/genes/term_model.h"

namespace engram::genes {

/// First and second derivative of each patient's log-likelihood by a shift towards longer life: of log time in the
/// parametric models (spec 3.5), of minus the log hazard, with the baseline held, in Cox models (then the residual is
/// minus the martingale residual and the curvature the expected number of deaths). With entry times they are given
/// survival to the entry, and a curvature of a log-time model may be negative.
class WorkingResiduals {
 public:
  /// Of a fit to `cohort`'s patients, in the cohort's order.
  WorkingResiduals(const Cohort& cohort, const TermModel& model, const TermFit& fit);

  const std::vector<double>& residual() const { return residual_; }
  /// Minus the second derivative.
  const std::vector<double>& curvature() const { return curvature_; }

  /// Residual and curvature of the patients `who` (positions) if the model expected a life longer by `shift`; both
  /// outputs have room for as many values.
  void at_shift(std::span<const std::uint32_t> who, double shift, double* residual, double* curvature) const;

 private:
  bool cox_;
  survival::AftDistribution distribution_{};
  double log_sigma_ = 0;
  std::vector<double> expected_, location_, log_time_, weight_, entry_;
  std::vector<std::uint8_t> event_;
  std::vector<double> residual_, curvature_;
};

}  // namespace engram::genes
