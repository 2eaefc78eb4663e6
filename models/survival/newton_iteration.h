#pragma once
/// The Newton iteration of all likelihoods here: step halving, aliased columns, detection of infinite coefficients
/// (spec section 3.2). Internal to the survival models.

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/newton.h"

namespace engram::survival {

/// Factorises `state.information` into `state.factor`; dropped columns are added to `dropped`.
inline dim_t factor_information(NewtonState& state, double tolerance, std::vector<std::uint8_t>& dropped) {
  dim_t num_dropped = 0;
  kernels::kCpuDenseSolve.cholesky({}, {.a = state.information.data(),
                                        .n = state.n,
                                        .stride = state.stride,
                                        .magnitude = state.magnitude.data(),
                                        .tolerance = tolerance,
                                        .factor = state.factor.data(),
                                        .aliased = dropped.data(),
                                        .num_aliased = &num_dropped});
  return num_dropped;
}

/// Sets aliased coefficients to 0, where a start value would stay in the linear predictor; true if any was not.
inline bool clear_aliased(NewtonState& state) {
  bool changed = false;
  for (dim_t j = 0; j < state.n; ++j) {
    if (!state.aliased[j] || state.beta[j] == 0) continue;
    state.beta[j] = 0;
    changed = true;
  }
  return changed;
}

/// Largest change of the linear predictor by one column in the last step beyond which its coefficient counts as
/// infinite. A converging fit ends with steps of a thousandth; a separated column moves by about 1 for ever. (The spec
/// measures the step in standard deviations, in which a rare 0/1 column moves by much less.)
inline constexpr double kInfiniteStep = 0.5;

/// Halves state.step from state.beta until the value rises, or no longer changes: status.converged. Leaves the point in
/// state.trial and returns its value; NaN if no length does.
template <class Problem>
double search_line(Problem& problem, const NewtonControl& control, double value, NewtonState& state,
                   FitStatus& status) {
  double length = 1;
  for (int halving = 0; halving <= control.max_halvings; ++halving, length /= 2) {
    for (dim_t j = 0; j < state.n; ++j) state.trial[j] = state.beta[j] + length * state.step[j];
    const double next = problem.evaluate(state.trial.data());
    status.converged = std::isfinite(next) && std::abs(next - value) <= control.tolerance * std::abs(next);
    if (status.converged || (std::isfinite(next) && next > value)) return next;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// Maximises `problem` from state.beta, which ends as the maximum. Far from it the likelihood may be flat in every
/// direction, so a start whose value is not finite or below `worst_start` is not used. The problem has
///   double evaluate(const double* beta)  the value, keeping what `differentiate` needs;
///   void initialize(double* beta)        a start of its own, used if the value at state.beta is below `worst_start`;
///   void differentiate(NewtonState&)     score, information and magnitude at the beta last evaluated.
template <class Problem>
FitStatus maximize(Problem& problem, const NewtonControl& control, NewtonState& state,
                   double worst_start = -std::numeric_limits<double>::infinity()) {
  FitStatus status;
  double* beta = state.beta.data();
  double value = problem.evaluate(beta);
  if (!std::isfinite(value) || value < worst_start) {
    std::fill_n(beta, state.n, 0.);
    problem.initialize(beta);
    value = problem.evaluate(beta);
  }
  status.loglik_start = value;
  while (status.iterations < control.max_iterations && state.n > 0) {
    problem.differentiate(state);
    std::copy(state.aliased.begin(), state.aliased.end(), state.flat.begin());
    const dim_t num_flat = factor_information(state, control.pivot_tolerance, state.flat);
    if (status.iterations == 0 && num_flat > 0) {
      status.num_aliased = num_flat;
      std::copy(state.flat.begin(), state.flat.end(), state.aliased.begin());
      if (clear_aliased(state)) {
        value = problem.evaluate(beta);
        problem.differentiate(state);
        factor_information(state, control.pivot_tolerance, state.flat);
      }
    }
    kernels::kCpuDenseSolve.solve({}, {.factor = state.factor.data(),
                                       .n = state.n,
                                       .stride = state.stride,
                                       .aliased = state.flat.data(),
                                       .b = state.score.data(),
                                       .x = state.step.data()});
    ++status.iterations;
    const double next = search_line(problem, control, value, state, status);
    if (!std::isfinite(next)) {
      value = problem.evaluate(beta);
      break;
    }
    for (dim_t j = 0; j < state.n; ++j) state.step[j] = state.trial[j] - beta[j];
    std::copy_n(state.trial.data(), state.n, beta);
    value = next;
    if (status.converged) break;
  }
  if (state.n == 0) status.converged = std::isfinite(value);
  status.loglik = value;
  for (dim_t j = 0; j < state.n; ++j) {
    const bool flat = state.flat[j] && !state.aliased[j];
    state.infinite[j] = !state.aliased[j] && (flat || std::abs(state.step[j]) * state.span[j] > kInfiniteStep);
    status.num_infinite += state.infinite[j];
  }
  return status;
}

}  // namespace engram::survival
