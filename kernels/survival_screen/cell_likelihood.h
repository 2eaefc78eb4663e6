#pragma once
/// The four-cell model's likelihood, from what the sums over terms give.

#include "kernels/survival_screen/newton_fit.h"

namespace engram::kernels {

inline constexpr int kCellParameters = 3;  // g, treatment, product

/// Deaths of a gene: sum of weight times (g, treatment, product).
struct CellDeaths {
  double x[kCellParameters];
};

/// What a sum over all terms leaves: weight times the log of the sum at risk, times the means of the three columns, and
/// times their covariances (lower triangle by rows).
struct CellSums {
  double log_sum;
  double mean[kCellParameters];
  double covariance[kCellParameters * (kCellParameters + 1) / 2];
};

/// What a model at one parameter vector gives.
struct CellEvaluation {
  double loglik;
  double gradient[kCellParameters];
  double magnitude[kCellParameters];
  double information[kCellParameters * kCellParameters];

  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE NewtonEvaluation view() {
    return {loglik, gradient, magnitude, information, kCellParameters};
  }
};

/// Parameters that are not `free` are taken out of the equations.
ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE CellEvaluation cell_evaluation(const CellSums& sums, const CellDeaths& deaths,
                                                                       const NewtonFit& at, double offset_sum,
                                                                       unsigned free) {
  CellEvaluation out;
  out.loglik = offset_sum - sums.log_sum;
  for (int a = 0; a < kCellParameters; ++a) {
    const bool estimated = free >> a & 1;
    out.loglik += deaths.x[a] * at.trial(a);
    out.magnitude[a] = sums.mean[a];
    out.gradient[a] = estimated ? deaths.x[a] - sums.mean[a] : 0;
    for (int b = 0; b <= a; ++b) {
      out.information[a * kCellParameters + b] =
          estimated && (free >> b & 1) ? sums.covariance[a * (a + 1) / 2 + b] : 0;
    }
  }
  return out;
}

/// The fit that a finished Newton has found; `now` is the evaluation taken last.
ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE CellFit cell_fit(const NewtonFit& newton, const CellEvaluation& now) {
  CellFit fit = {};
  double scratch[kCellParameters];
  standard_errors(now.information, kCellParameters, kCellParameters, scratch, fit.se);
  for (int a = 0; a < kCellParameters; ++a) fit.coef[a] = newton.coefficient(a);
  fit.start_loglik = newton.course().start_loglik();
  fit.loglik = newton.course().loglik();
  fit.score = newton.course().score();
  fit.iterations = newton.course().iterations();
  fit.estimable = unsigned(newton.estimable());
  fit.status = newton.course().status();
  return fit;
}

}  // namespace engram::kernels
