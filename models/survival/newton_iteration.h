#pragma once
/// The Newton iteration of all likelihoods here: step halving and aliased columns (docs/methods/genes.md, "Cox model").
/// Internal to the survival models.

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/newton.h"
#include "models/survival/recession.h"

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

/// Part of the pivot tolerance that applies once it is decided which columns are aliased. A pivot at the edge of the
/// tolerance moves a little from point to point; with one bound for the decision and a lower one afterwards, a column
/// is in the whole fit and its covariance, or in neither.
inline constexpr double kKeptTolerance = 0.1;

/// Factorises the information of the columns that are not aliased; `state.flat` says which are aliased or have lost
/// their information.
inline void factor_kept(NewtonState& state, const NewtonControl& control) {
  std::copy(state.aliased.begin(), state.aliased.end(), state.flat.begin());
  factor_information(state, kKeptTolerance * control.pivot_tolerance, state.flat);
}

/// Decides from the information at the start which columns are aliased; returns their number.
inline dim_t decide_aliased(NewtonState& state, const NewtonControl& control) {
  std::copy(state.aliased.begin(), state.aliased.end(), state.flat.begin());
  factor_information(state, control.pivot_tolerance, state.flat);
  dim_t num_aliased = 0;
  for (dim_t j = 0; j < state.n; ++j) num_aliased += state.aliased[j] = state.flat[j] && !state.kept[j];
  return num_aliased;
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

/// Multiple of the tolerance that the slope along a step may have at convergence. Near a maximum a step gains half its
/// slope; a step that was halved until nothing changed has a slope left.
inline constexpr double kSlopeAtMaximum = 10;

/// Halves state.step from state.beta until the value rises, or no longer changes: status.converged. Leaves the point in
/// state.trial and returns its value; NaN if no length does.
template <class Problem>
double search_line(Problem& problem, const NewtonControl& control, double value, NewtonState& state,
                   FitStatus& status) {
  double length = 1, slope = 0;
  for (dim_t j = 0; j < state.n; ++j) slope += state.score[j] * state.step[j];
  for (int halving = 0; halving <= control.max_halvings; ++halving, length /= 2) {
    for (dim_t j = 0; j < state.n; ++j) state.trial[j] = state.beta[j] + length * state.step[j];
    const double next = problem.evaluate(state.trial.data());
    const double small = control.tolerance * std::abs(next);
    status.converged = std::isfinite(next) && std::abs(next - value) <= small && slope <= kSlopeAtMaximum * small;
    if (status.converged || (std::isfinite(next) && next > value)) return next;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// The problem's own start, its value.
template <class Problem>
double start_anew(Problem& problem, NewtonState& state) {
  std::fill_n(state.beta.data(), state.n, 0.);
  problem.initialize(state.beta.data());
  clear_aliased(state);
  return problem.evaluate(state.beta.data());
}

/// Maximises `problem` from state.beta, which ends as the maximum. Far from it the likelihood may be flat in every
/// direction, so a start whose value is not finite or below `worst_start` is not used. The problem has
///   double evaluate(const double* beta)  the value, keeping what `differentiate` needs;
///   void initialize(double* beta)        a start of its own, used if the value at state.beta is below `worst_start`;
///   void differentiate(NewtonState&)     score, information and magnitude at the beta last evaluated;
/// and what recession.h asks for.
template <class Problem>
FitStatus maximize(Problem& problem, const NewtonControl& control, NewtonState& state,
                   double worst_start = -std::numeric_limits<double>::infinity()) {
  FitStatus status;
  double* beta = state.beta.data();
  double value = problem.evaluate(beta);
  if (!std::isfinite(value) || value < worst_start) value = start_anew(problem, state);
  status.loglik_start = value;
  while (status.iterations < control.max_iterations && state.n > 0) {
    problem.differentiate(state);
    if (status.iterations == 0) {
      status.num_aliased = decide_aliased(state, control);
      if (clear_aliased(state)) {
        value = problem.evaluate(beta);
        if (!std::isfinite(value) || value < worst_start) value = start_anew(problem, state);
        problem.differentiate(state);
      }
    }
    factor_kept(state, control);
    state.solve_score(state.step.data());
    ++status.iterations;
    const double next = search_line(problem, control, value, state, status);
    if (!std::isfinite(next)) break;
    for (dim_t j = 0; j < state.n; ++j) state.step[j] = state.trial[j] - beta[j];
    std::copy_n(state.trial.data(), state.n, beta);
    if (status.iterations == kFirstIterations) state.early = state.beta;
    value = next;
    if (status.converged) break;
  }
  if (state.n == 0) status.converged = std::isfinite(value);
  status.loglik = value;
  find_infinite(problem, value, status.iterations > kFirstIterations, state);
  status.num_infinite = std::count(state.infinite.begin(), state.infinite.begin() + state.n, std::uint8_t(1));
  return status;
}

}  // namespace engram::survival
