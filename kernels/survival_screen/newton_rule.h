#pragma once
/// Step control of Newton's method on a log-likelihood, apart from the model: what is accepted, when a step is halved,
/// and how it ends. One object a gene.

#include <cmath>

#include "kernels/common/inline.h"
#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels {

class NewtonLane {
 public:
  /// Whether a trial with this log-likelihood is taken: finite, and not below the current one by more than rounding.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE bool accepts(double loglik) const {
    if (!std::isfinite(loglik)) return false;
    return evaluations_ == 0 || loglik >= loglik_ - 1e-12 * std::abs(loglik_);
  }

  /// The trial is taken; `decrement` and the longest component of the step that follow from it decide what comes next.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void accept(double loglik, double decrement, double longest,
                                                      const NewtonRule& rule) {
    if (evaluations_++ == 0) {
      start_loglik_ = loglik;
      score_ = decrement;
    }
    loglik_ = loglik;
    share_ = 1;
    halvings_ = 0;
    // A likelihood that hardly grows while an estimate still walks far: the estimate is infinite.
    constexpr double kFar = 0.1, kHardly = 1e-6;
    const bool far = longest > kFar;
    if (decrement <= rule.tolerance || (far && decrement <= kHardly) || !std::isfinite(decrement)) {
      finish(far ? NewtonStatus::kSeparated : NewtonStatus::kConverged);
    } else if (evaluations_ > rule.max_iterations) {
      finish(far ? NewtonStatus::kSeparated : NewtonStatus::kNotConverged);
    }
  }

  /// The trial has lost the information on a parameter that was estimable at the start: it went to infinity. The fit
  /// stays where it was before.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void lose() {
    failed_ = true;
    finish(NewtonStatus::kSeparated);
  }

  /// The trial is not taken: half the step next, or the end.
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void reject() {
    constexpr int kMaxHalvings = 20;
    share_ *= 0.5;
    if (++halvings_ <= kMaxHalvings && evaluations_ > 0) return;
    failed_ = true;
    finish(NewtonStatus::kNotConverged);
  }

  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE bool at_start() const { return evaluations_ == 0; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE bool done() const { return done_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE bool failed() const { return failed_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double step_share() const { return share_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double start_loglik() const { return start_loglik_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double loglik() const { return loglik_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE double score() const { return score_; }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE std::int32_t iterations() const {
    return evaluations_ > 0 ? evaluations_ - 1 : 0;
  }
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE NewtonStatus status() const { return status_; }

 private:
  ENGRAM_ALWAYS_INLINE ENGRAM_HOST_DEVICE void finish(NewtonStatus status) {
    status_ = status;
    done_ = true;
  }

  double start_loglik_ = 0, loglik_ = 0, score_ = 0, share_ = 1;
  std::int32_t evaluations_ = 0;
  int halvings_ = 0;
  bool done_ = false, failed_ = false;
  NewtonStatus status_ = NewtonStatus::kNotConverged;
};

}  // namespace engram::kernels
