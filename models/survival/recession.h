#pragma once
/// Directions in which a likelihood rises without end (separation, monotone likelihood), and the coefficients that
/// have no finite estimate because of them. Internal to the survival models.

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/survival/newton.h"

namespace engram::survival {

/// The problem of newton_iteration.h, for these tests, has
///   double reach(const double* direction)  how much the linear predictor moves between patients along a direction, in
///                                          units of its error (leaves the problem at no particular beta);
///   double unit()                          the mean case weight: what one patient counts for;
///   dim_t num_linear()                     how many parameters enter the linear predictor, the first ones.

/// Iterations after which a fit with a finite maximum moves little any more.
inline constexpr int kFirstIterations = 8;
/// Reach of the last step above which its direction is tested. Converging fits end with steps of a thousandth; the
/// steps of a separated fit stay near 1 (Cox, logistic) or fall slowly (log-normal).
inline constexpr double kSuspectReach = 0.02;
/// How far a direction is followed, and what may be lost on the way, in units of one patient. Where the maximum is
/// finite, somebody contradicts the direction and costs about as much as it was followed.
inline constexpr double kFarReach = 30, kFarthestReach = 100, kLossOfNothing = 0.05;
/// Where risks spread over more than double precision holds, the way is halved until the likelihood is a number.
inline constexpr int kFarHalvings = 6;
/// A coefficient whose part of a direction is below this share of the largest stays finite.
inline constexpr double kShareOfDirection = 1e-3;

/// Whether the likelihood, `value` at state.beta, does not fall far along sign * direction. Uses state.trial.
template <class Problem>
bool rises_without_end(Problem& problem, double value, const std::vector<double>& direction, double sign,
                       NewtonState& state) {
  const double reach = problem.reach(direction.data());
  if (!(reach > 0)) return false;
  // A finite maximum may lie far out already; then what counts as far is farther.
  double length = sign * std::clamp(problem.reach(state.beta.data()), kFarReach, kFarthestReach) / reach;
  double far = std::numeric_limits<double>::quiet_NaN();
  for (int halving = 0; halving <= kFarHalvings && !std::isfinite(far); ++halving, length /= 2) {
    state.trial = state.beta;
    for (dim_t j = 0; j < problem.num_linear(); ++j) state.trial[j] += length * direction[j];
    far = problem.evaluate(state.trial.data());
  }
  // So far out that no step further can be computed: as good as infinite.
  if (!std::isfinite(far)) return problem.reach(state.beta.data()) > kFarthestReach;
  return far >= value - kLossOfNothing * problem.unit();
}

/// Flags the coefficients that take part in a direction.
inline void flag_direction(const std::vector<double>& direction, NewtonState& state) {
  double largest = 0;
  for (dim_t j = 0; j < state.n; ++j) largest = std::max(largest, std::abs(direction[j]) * state.span[j]);
  for (dim_t j = 0; j < state.n; ++j) {
    if (!state.aliased[j] && std::abs(direction[j]) * state.span[j] > kShareOfDirection * largest)
      state.infinite[j] = 1;
  }
}

/// The direction in which column `flat` and the columns that determine it where the information was last asked for
/// leave the linear predictor of those at risk alone; into `direction`. Uses state.score.
inline void null_direction(dim_t flat, NewtonState& state, std::vector<double>& direction) {
  for (dim_t j = 0; j < state.n; ++j) state.score[j] = state.information[j * state.stride + flat];
  state.solve_score(direction.data());
  for (dim_t j = 0; j < state.n; ++j) direction[j] = -direction[j];
  direction[flat] = 1;
}

/// Tests the direction in state.step, if it moves anybody, and flags what takes part.
template <class Problem>
void judge_direction(Problem& problem, double value, NewtonState& state) {
  double bound = 0;
  for (dim_t j = 0; j < state.n; ++j) bound += std::abs(state.step[j]) * state.span[j];
  if (bound > kSuspectReach && problem.reach(state.step.data()) > kSuspectReach &&
      rises_without_end(problem, value, state.step, 1, state)) {
    flag_direction(state.step, state);
  }
}

/// Tests the direction in which parameter `j` is known least where the information was last asked for: if one standard
/// error of it, the other parameters following, moves somebody far, nothing may hold it any more.
template <class Problem>
void judge_least_known(Problem& problem, double value, dim_t j, NewtonState& state) {
  std::fill_n(state.score.data(), state.n, 0.);
  state.score[j] = 1;
  state.solve_score(state.step.data());
  const double variance = state.step[j];
  if (!(variance > 0) || !(problem.reach(state.step.data()) > kFarReach * std::sqrt(variance))) return;
  if (rises_without_end(problem, value, state.step, 1, state) ||
      rises_without_end(problem, value, state.step, -1, state)) {
    flag_direction(state.step, state);
  }
}

/// Sets state.infinite after a fit whose last step is in state.step and whose last factor is in place, the value at
/// state.beta being `value`. The direction of the last step is tested itself, whichever columns share it; where there
/// were `later` iterations also the way since the first ones, which is true when the last step, taken where hardly
/// any information is left, is rounding alone; and the directions in which the information vanished on the way.
/// Where one coefficient has no end, those that mattered beside it alone are held by nothing and need not have moved:
/// they are looked at too.
/// Parameters that are kept (state.kept) are not judged here.
template <class Problem>
void find_infinite(Problem& problem, double value, bool later, NewtonState& state) {
  judge_direction(problem, value, state);
  if (later) {
    for (dim_t j = 0; j < state.n; ++j) state.step[j] = state.beta[j] - state.early[j];
    judge_direction(problem, value, state);
  }
  for (dim_t flat = 0; flat < state.n; ++flat) {
    if (!state.flat[flat] || state.aliased[flat] || state.kept[flat]) continue;
    state.infinite[flat] = 1;
    null_direction(flat, state, state.step);
    if (rises_without_end(problem, value, state.step, 1, state) ||
        rises_without_end(problem, value, state.step, -1, state)) {
      flag_direction(state.step, state);
    }
  }
  const auto is_flagged = [&](std::uint8_t flag) { return flag != 0; };
  if (std::none_of(state.infinite.begin(), state.infinite.begin() + state.n, is_flagged)) return;
  for (dim_t j = 0; j < state.n; ++j)
    if (!state.infinite[j] && !state.flat[j] && !state.kept[j]) judge_least_known(problem, value, j, state);
}

}  // namespace engram::survival
