#include "models/survival/cox_firth.h"

#include <cmath>
#include <limits>

#include "models/survival/newton_iteration.h"

namespace engram::survival {
namespace {

/// Value and derivatives of the penalised likelihood at one point.
class FirthPoint {
 public:
  FirthPoint(CoxProblem& problem, const NewtonControl& control, NewtonState& state)
      : problem_(problem), control_(control), state_(state), gradient_(state.stride), inverse_(state.factor.size()) {}

  double loglik() const { return loglik_; }

  /// l + 0.5 log det I; the first call finds the aliased columns, later ones call a lost rank not finite.
  double evaluate(const double* beta, bool find_aliased) {
    loglik_ = problem_.evaluate(beta);
    if (!std::isfinite(loglik_)) return loglik_;
    problem_.differentiate(state_);
    std::copy(state_.aliased.begin(), state_.aliased.end(), state_.flat.begin());
    factor_information(state_, control_.pivot_tolerance, state_.flat);
    if (find_aliased) {
      state_.aliased = state_.flat;
    } else if (state_.aliased != state_.flat) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    double half_log_det = 0;
    for (dim_t j = 0; j < state_.n; ++j) half_log_det += std::log(state_.factor[j * state_.stride + j]);
    return loglik_ + half_log_det;
  }

  /// The step at the point last evaluated.
  void make_step() {
    kernels::kCpuDenseSolve.inverse({}, {.factor = state_.factor.data(),
                                         .n = state_.n,
                                         .stride = state_.stride,
                                         .aliased = state_.aliased.data(),
                                         .inverse = inverse_.data()});
    problem_.firth_gradient(inverse_.data(), gradient_.data());
    for (dim_t j = 0; j < state_.n; ++j) gradient_[j] += state_.score[j];
    kernels::kCpuDenseSolve.solve({}, {.factor = state_.factor.data(),
                                       .n = state_.n,
                                       .stride = state_.stride,
                                       .aliased = state_.aliased.data(),
                                       .b = gradient_.data(),
                                       .x = state_.step.data()});
  }

  /// Largest step relative to its standard error.
  double step_size() const {
    double largest = 0;
    for (dim_t j = 0; j < state_.n; ++j) {
      const double variance = inverse_[j * state_.stride + j];
      if (variance > 0) largest = std::max(largest, std::abs(state_.step[j]) / std::sqrt(variance));
    }
    return largest;
  }

 private:
  CoxProblem& problem_;
  const NewtonControl& control_;
  NewtonState& state_;
  std::vector<double> gradient_, inverse_;
  double loglik_ = 0;
};

/// Relative to their standard errors: longer steps leave the region where the quadratic model means anything.
constexpr double kLongestStep = 5;

}  // namespace

FitStatus maximize_firth(CoxProblem& problem, const NewtonControl& control, NewtonState& state) {
  FitStatus status;
  FirthPoint point(problem, control, state);
  double value = point.evaluate(state.beta.data(), true);
  status.loglik_start = point.loglik();
  if (clear_aliased(state)) value = point.evaluate(state.beta.data(), false);
  status.num_aliased = std::count(state.aliased.begin(), state.aliased.begin() + state.n, std::uint8_t(1));
  // The iteration converges linearly, so the last step says how far the maximum is, not the last gain.
  const double small = std::sqrt(control.tolerance) / 10;
  while (status.iterations < control.max_iterations && status.num_aliased < state.n) {
    point.make_step();
    ++status.iterations;
    const double size = point.step_size();
    double length = std::min(1., kLongestStep / size), next = value;
    bool accepted = false;
    for (int halving = 0; halving <= control.max_halvings && !accepted; ++halving, length /= 2) {
      for (dim_t j = 0; j < state.n; ++j) state.trial[j] = state.beta[j] + length * state.step[j];
      next = point.evaluate(state.trial.data(), false);
      accepted = next >= value - 1e-12 * std::abs(value);
    }
    if (!accepted) {
      value = point.evaluate(state.beta.data(), false);
      break;
    }
    std::copy_n(state.trial.data(), state.n, state.beta.data());
    value = next;
    status.converged = size <= small;
    if (status.converged) break;
  }
  if (status.num_aliased == state.n) status.converged = true;
  status.loglik = point.loglik();
  return status;
}

}  // namespace engram::survival
