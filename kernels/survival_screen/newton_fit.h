#pragma once
/// Newton's method for one gene, fed with evaluations of the likelihood by whoever computes them.

#include "kernels/survival_screen/newton_rule.h"
#include "kernels/survival_screen/normal_equations.h"

namespace engram::kernels {

/// Log-likelihood and derivatives at NewtonFit::trial. The information (lower triangle, row stride `stride`) is
/// overwritten with its factor.
struct NewtonEvaluation {
  double loglik;
  const double* gradient;
  const double* magnitude;  ///< see factor_information
  double* information;
  dim_t stride;
};

/// At most 64 parameters. Use: evaluate at `trial` and `take`, while that returns true; the information factored last
/// is then that of the fit.
class NewtonFit {
 public:
  /// `beta` and `step`: memory of `parameters` values each. A walk to infinity is looked for in the parameters from
  /// `first_watched` on. `start`: null for zeros.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE NewtonFit(dim_t parameters, dim_t first_watched, const double* start,
                                                    double* beta, double* step)
      : parameters_(parameters), first_watched_(first_watched), beta_(beta), step_(step) {
    for (dim_t a = 0; a < parameters; ++a) {
      beta[a] = start ? start[a] : 0;
      step[a] = 0;
    }
  }

  /// Where to evaluate next.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double trial(dim_t a) const {
    return share_ > 0 ? beta_[a] + share_ * step_[a] : beta_[a];
  }

  /// Takes the evaluation at the trial; whether another is needed.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE bool take(const NewtonEvaluation& now, const NewtonRule& rule) {
    if (newton_.done()) {  // the fit has gone back to where it was before a rejected trial
      factor_information(now.information, now.magnitude, parameters_, now.stride);
      return false;
    }
    if (newton_.accepts(now.loglik)) {
      factor_information(now.information, now.magnitude, parameters_, now.stride);
      const std::uint64_t estimable = estimable_of(now);
      if (newton_.at_start()) estimable_ = estimable;
      if (estimable_ & ~estimable) {
        newton_.lose();
      } else {
        accept(now, rule);
      }
    } else {
      newton_.reject();
    }
    share_ = newton_.done() ? 0 : newton_.step_share();
    return !newton_.done() || newton_.failed();
  }

  /// The estimate, once `take` has returned false.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double coefficient(dim_t a) const {
    // The last step is known and costs nothing: after it the error is of the order of the decrement.
    return newton_.status() == NewtonStatus::kConverged ? beta_[a] + step_[a] : beta_[a];
  }
  /// How it went.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE const NewtonLane& course() const { return newton_; }
  /// A bit for each parameter that could be estimated at the start.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE std::uint64_t estimable() const { return estimable_; }

 private:
  /// Bits of the parameters that the factored information allows to estimate.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE std::uint64_t estimable_of(const NewtonEvaluation& now) const {
    std::uint64_t bits = 0;
    for (dim_t a = 0; a < parameters_; ++a) {
      bits |= std::uint64_t{now.information[a * now.stride + a] != 0} << a;
    }
    return bits;
  }

  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void accept(const NewtonEvaluation& now, const NewtonRule& rule) {
    for (dim_t a = 0; a < parameters_; ++a) beta_[a] = trial(a);
    const double decrement = solve_step(now.information, parameters_, now.stride, now.gradient, step_);
    double longest = 0;
    for (dim_t a = first_watched_; a < parameters_; ++a) {
      const double length = step_[a] < 0 ? -step_[a] : step_[a];
      longest = length > longest ? length : longest;
    }
    newton_.accept(now.loglik, decrement, longest, rule);
  }

  dim_t parameters_, first_watched_;
  double *beta_, *step_;
  double share_ = 0;
  std::uint64_t estimable_ = 0;
  NewtonLane newton_;
};

}  // namespace engram::kernels
