#include "models/survival/newton.h"

#include <cmath>

#include "kernels/common/error.h"
#include "kernels/dense_solve/dense_solve.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::survival {

void check_newton(const NewtonControl& control) {
  if (!(control.tolerance > 0 && control.tolerance < 1)) {
    throw UsageError(message("[newton] expected a tolerance in (0, 1), got ", control.tolerance));
  }
  if (control.max_iterations < 1) {
    throw UsageError(message("[newton] expected at least 1 iteration, got ", control.max_iterations));
  }
  if (control.max_halvings < 0) {
    throw UsageError(message("[newton] expected a number of step halvings >= 0, got ", control.max_halvings));
  }
  if (!(control.pivot_tolerance > 0 && control.pivot_tolerance < 1)) {
    throw UsageError(message("[newton] expected a pivot tolerance in (0, 1), got ", control.pivot_tolerance));
  }
}

void require_gain(double loglik_null, FitStatus& status) {
  const double rounding = 1e-7 * std::abs(loglik_null);
  if (!(status.loglik >= loglik_null - rounding)) status.converged = false;
}

void NewtonState::reset(dim_t parameters) {
  n = parameters;
  stride = kernels::panel_stride(parameters);
  const auto length = std::size_t(stride), square = std::size_t(stride * stride);
  for (auto* v : {&beta, &trial, &step, &score, &magnitude, &span, &early}) v->assign(length, 0.);
  for (auto* v : {&aliased, &flat, &infinite, &kept}) v->assign(length, 0);
  for (auto* v : {&information, &factor}) {
    if (v->size() < square) v->resize(square);
  }
}

void NewtonState::solve_score(double* x) const {
  kernels::kCpuDenseSolve.solve(
      {}, {.factor = factor.data(), .n = n, .stride = stride, .aliased = flat.data(), .b = score.data(), .x = x});
}

}  // namespace engram::survival
