#include "models/survival/cox_model.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "models/survival/cox_firth.h"
#include "models/survival/cox_problem.h"
#include "models/survival/newton_iteration.h"

namespace engram::survival {
namespace {

/// Copies coefficients in the covariates' units into standardised ones.
void standardize_start(const SurvivalDesign& design, std::span<const dim_t> columns, std::span<const double> start,
                       NewtonState& state) {
  if (start.empty()) return;
  if (start.size() != columns.size()) {
    throw UsageError(message("[cox] expected ", columns.size(), " coefficients (one a column), got ", start.size()));
  }
  for (std::size_t j = 0; j < columns.size(); ++j) state.beta[j] = start[j] * design.scale(columns[j]);
}

}  // namespace

CoxModel::CoxModel(const SurvivalDesign& design, const CoxOptions& options) : design_(&design), options_(options) {
  check_newton(options.newton);
  CoxScratch scratch;
  loglik_null_ = CoxProblem(design, options.ties, {}, scratch).evaluate(scratch.newton_.beta.data());
}

FitStatus CoxModel::fit(std::span<const dim_t> columns, std::span<const double> start, CoxScratch& scratch) const {
  CoxProblem problem(*design_, options_.ties, columns, scratch);
  NewtonState& state = scratch.newton_;
  standardize_start(*design_, columns, start, state);
  const FitStatus status = options_.firth ? maximize_firth(problem, options_.newton, state)
                                          : maximize(problem, options_.newton, state, loglik_null_);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    scratch.coefficients_[j] = state.beta[j] / design_->scale(columns[j]);
  }
  return status;
}

double CoxModel::loglik(std::span<const dim_t> columns, std::span<const double> coefficients,
                        CoxScratch& scratch) const {
  return derivatives(columns, coefficients, {}, {}, scratch);
}

double CoxModel::derivatives(std::span<const dim_t> columns, std::span<const double> coefficients,
                             std::span<double> score, std::span<double> information, CoxScratch& scratch) const {
  CoxProblem problem(*design_, options_.ties, columns, scratch);
  NewtonState& state = scratch.newton_;
  standardize_start(*design_, columns, coefficients, state);
  const double loglik = problem.evaluate(state.beta.data());
  if (score.empty() && information.empty()) return loglik;
  problem.differentiate(state);
  const auto k = columns.size();
  for (std::size_t a = 0; a < score.size(); ++a) score[a] = state.score[a] * design_->scale(columns[a]);
  for (std::size_t ab = 0; ab < information.size(); ++ab) {
    const std::size_t a = ab / k, b = ab % k;
    information[ab] =
        state.information[a * std::size_t(state.stride) + b] * design_->scale(columns[a]) * design_->scale(columns[b]);
  }
  return loglik;
}

void CoxModel::covariance(std::span<const dim_t> columns, std::span<const double> coefficients,
                          std::span<const std::uint8_t> aliased, std::span<double> covariance,
                          CoxScratch& scratch) const {
  derivatives(columns, coefficients, {}, covariance, scratch);
  NewtonState& state = scratch.newton_;
  std::copy(aliased.begin(), aliased.end(), state.aliased.begin());
  factor_kept(state, options_.newton);
  kernels::kCpuDenseSolve.inverse({}, {.factor = state.factor.data(),
                                       .n = state.n,
                                       .stride = state.stride,
                                       .aliased = state.flat.data(),
                                       .inverse = state.information.data()});
  const auto k = columns.size();
  for (std::size_t ab = 0; ab < covariance.size(); ++ab) {
    const std::size_t a = ab / k, b = ab % k;
    covariance[ab] =
        state.information[a * std::size_t(state.stride) + b] / design_->scale(columns[a]) / design_->scale(columns[b]);
  }
}

ChiSquareTest CoxModel::score_test(std::span<const dim_t> columns, std::span<const double> coefficients, dim_t fitted,
                                   CoxScratch& scratch) const {
  CoxProblem problem(*design_, options_.ties, columns, scratch);
  NewtonState& state = scratch.newton_;
  standardize_start(*design_, columns, coefficients, state);
  problem.evaluate(state.beta.data());
  problem.differentiate(state);
  const dim_t aliased = factor_information(state, options_.newton.pivot_tolerance, state.aliased);
  kernels::kCpuDenseSolve.solve({}, {.factor = state.factor.data(),
                                     .n = state.n,
                                     .stride = state.stride,
                                     .aliased = state.aliased.data(),
                                     .b = state.score.data(),
                                     .x = state.step.data()});
  ChiSquareTest test{.statistic = 0, .df = std::max<dim_t>(0, state.n - aliased - fitted), .log10_p = 0};
  for (dim_t j = 0; j < state.n; ++j) test.statistic += state.score[j] * state.step[j];
  if (test.df > 0) test.log10_p = log10_p_chi_square(test.statistic, double(test.df));
  return test;
}

}  // namespace engram::survival
