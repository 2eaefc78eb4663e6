#pragma once
/// What the Newton fits of the survival models share: settings and what came of them.

#include <cstdint>
#include <vector>

#include "kernels/common/types.h"

namespace engram::survival {

/// Settings of a Newton fit (docs/methods/genes.md, "Cox model").
struct NewtonControl {
  double tolerance = 1e-9;         ///< stop when |l_new - l_old| <= tolerance * |l_new|
  int max_iterations = 30;         ///< Newton steps at most
  int max_halvings = 20;           ///< of one step that lowers the likelihood or makes it infinite
  double pivot_tolerance = 1e-12;  ///< a column whose pivot falls below this part of its own sum of squares is aliased
};

/// The settings of comparisons with other programs: converged to the last digits.
inline NewtonControl exact_newton() {
  NewtonControl control;
  control.tolerance = 1e-13;
  control.max_iterations = 100;
  control.pivot_tolerance = 1e-14;
  return control;
}

/// Throws UsageError for settings that make no sense.
void check_newton(const NewtonControl& control);

/// How a fit ended. Coefficients are always finite numbers; these flags say which of them mean something.
struct FitStatus {
  double loglik = 0;        ///< at the coefficients found
  double loglik_start = 0;  ///< at the start values (the null likelihood if none were given)
  int iterations = 0;       ///< Newton steps taken
  bool converged = false;   ///< the likelihood stopped changing, and its slope along the last step is as small (true
                            ///< also for infinite coefficients)
  dim_t num_aliased = 0;    ///< columns that the others determine, or that do not vary in any risk set; coefficient 0
  dim_t num_infinite = 0;  ///< columns whose likelihood rises without end (separation): rank them by the score test, or
                           ///< use the Firth fit
};

/// A fit that ends below its null model (`loglik_null`) has not found its maximum: clears `converged`.
void require_gain(double loglik_null, FitStatus& status);

/// Memory of a Newton fit in its own (standardised) parameters; grows to the largest fit seen and is then reused.
/// Vectors have `stride` elements, zero beyond `n`; matrices are [stride, stride].
struct NewtonState {
  dim_t n = 0, stride = 0;
  std::vector<double> beta, trial, step, score, information, magnitude, factor;
  std::vector<double> early;  ///< beta after the first iterations, from where a drift is measured
  std::vector<double> span;   ///< [n] how much eta moves between the extremes of a column, per unit of its coefficient
  /// [n]. aliased: decided once, where the fit starts, and binding for its covariance. flat: aliased, or without
  /// information where it was last asked for. kept: never aliased (an intercept, a scale).
  std::vector<std::uint8_t> aliased, flat, infinite, kept;

  /// Room for `parameters`; all flags 0, beta 0, spans 0.
  void reset(dim_t parameters);

  /// x [stride] = the inverse of the information that was last factored, times score; 0 in what is flat.
  void solve_score(double* x) const;
};

}  // namespace engram::survival
