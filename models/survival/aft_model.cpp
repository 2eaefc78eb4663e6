#include "models/survival/aft_model.h"

#include <cmath>

#include "kernels/common/error.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/aft_problem.h"
#include "models/survival/newton_iteration.h"

namespace engram::survival {
namespace {

constexpr const char* kNames[] = {"weibull", "lognormal", "loglogistic"};

/// Parameters in the covariates' units from standardised ones: b_j = beta_j / s_j, intercept beta_0 - sum b_j m_j.
void to_covariate_units(const SurvivalDesign& design, std::span<const dim_t> columns, const double* beta,
                        double* parameters) {
  const std::size_t k = columns.size();
  parameters[0] = beta[0];
  for (std::size_t j = 0; j < k; ++j) {
    parameters[j + 1] = beta[j + 1] / design.scale(columns[j]);
    parameters[0] -= parameters[j + 1] * design.mean(columns[j]);
  }
  parameters[k + 1] = beta[k + 1];
}

void to_standardized(const SurvivalDesign& design, std::span<const dim_t> columns, std::span<const double> parameters,
                     double* beta) {
  const std::size_t k = columns.size();
  if (parameters.size() != k + 2) {
    throw UsageError(
        message("[aft] expected ", k + 2, " parameters (intercept, one a column, log scale), got ", parameters.size()));
  }
  beta[0] = parameters[0];
  for (std::size_t j = 0; j < k; ++j) {
    beta[j + 1] = parameters[j + 1] * design.scale(columns[j]);
    beta[0] += parameters[j + 1] * design.mean(columns[j]);
  }
  beta[k + 1] = parameters[k + 1];
}

/// A, the matrix of d(standardised parameters)/d(parameters), applied from both sides: out = A' m A. Row j + 1 of A has
/// the scale on the diagonal, and the mean in the intercept's row.
void to_covariate_units(const SurvivalDesign& design, std::span<const dim_t> columns, const NewtonState& state,
                        std::span<double> out) {
  const std::size_t n = columns.size() + 2, stride = std::size_t(state.stride);
  const auto scale = [&](std::size_t j) { return j == 0 || j == n - 1 ? 1. : design.scale(columns[j - 1]); };
  const auto mean = [&](std::size_t j) { return j == 0 || j == n - 1 ? 0. : design.mean(columns[j - 1]); };
  const auto m = [&](std::size_t a, std::size_t b) { return state.information[a * stride + b]; };
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      out[a * n + b] = scale(a) * scale(b) * m(a, b) + mean(a) * scale(b) * m(0, b) + scale(a) * mean(b) * m(a, 0) +
                       mean(a) * mean(b) * m(0, 0);
}

/// Steps of log sigma that a likelihood without a maximum survives, and one with a maximum does not: at a maximum most
/// residuals are of the size of sigma.
constexpr double kVanishingStep = 5;

/// Whether the likelihood, `value` at state.beta, does not fall where sigma becomes much smaller.
bool scale_vanishes(AftProblem& problem, double value, NewtonState& state) {
  state.trial = state.beta;
  state.trial[std::size_t(state.n) - 1] -= kVanishingStep;
  const double far = problem.evaluate(state.trial.data());
  return std::isfinite(far) && far >= value;
}

}  // namespace

const char* distribution_name(AftDistribution distribution) {
  return kNames[int(distribution)];
}

AftDistribution parse_distribution(const std::string& name) {
  for (int i = 0; i < 3; ++i) {
    if (name == kNames[i]) return AftDistribution(i);
  }
  throw UsageError(message("[aft] expected weibull, lognormal or loglogistic, got ", name));
}

AftModel::AftModel(const SurvivalDesign& design, const AftOptions& options) : design_(&design), options_(options) {
  check_newton(options.newton);
  if (design.num_strata() > 1) throw UsageError("[aft] expected no strata: these models do not take them");
  if (design.num_events() == 0) throw UsageError("[aft] expected at least one event, got none");
  log_time_.reserve(std::size_t(design.rows()));
  for (dim_t i = 0; i < design.rows(); ++i) {
    const double time = design.time()[i];
    if (!(time > 0)) {
      throw DataError(
          message("[aft] expected times above 0 (models of log time), got ", time, " at row ", design.order()[i]));
    }
    log_time_.push_back(std::log(time));
  }
  entries_ = AftEntries(design.entry(), design.weight());
  AftScratch scratch;
  AftProblem problem(design, options.distribution, log_time_, entries_, {}, scratch);
  problem.initialize(scratch.newton_.beta.data());
  loglik_start_ = problem.evaluate(scratch.newton_.beta.data());
}

FitStatus AftModel::fit(std::span<const dim_t> columns, std::span<const double> start, AftScratch& scratch) const {
  AftProblem problem(*design_, options_.distribution, log_time_, entries_, columns, scratch);
  NewtonState& state = scratch.newton_;
  if (start.empty()) {
    problem.initialize(state.beta.data());
  } else {
    to_standardized(*design_, columns, start, state.beta.data());
  }
  FitStatus status = maximize(problem, options_.newton, state, loglik_start_);
  const auto scale = std::size_t(state.n) - 1;
  if ((!status.converged || state.flat[scale]) && scale_vanishes(problem, status.loglik, state)) {
    state.infinite[scale] = 1;
    ++status.num_infinite;
    status.converged = false;
  }
  to_covariate_units(*design_, columns, state.beta.data(), scratch.parameters_.data());
  return status;
}

double AftModel::loglik(std::span<const dim_t> columns, std::span<const double> parameters, AftScratch& scratch) const {
  return derivatives(columns, parameters, {}, {}, scratch);
}

double AftModel::derivatives(std::span<const dim_t> columns, std::span<const double> parameters,
                             std::span<double> score, std::span<double> information, AftScratch& scratch) const {
  AftProblem problem(*design_, options_.distribution, log_time_, entries_, columns, scratch);
  NewtonState& state = scratch.newton_;
  to_standardized(*design_, columns, parameters, state.beta.data());
  const double loglik = problem.evaluate(state.beta.data());
  if (score.empty() && information.empty()) return loglik;
  problem.differentiate_exactly(state);
  if (!score.empty()) {
    score.front() = state.score[0];
    score.back() = state.score[std::size_t(state.n) - 1];
    for (std::size_t j = 0; j < columns.size(); ++j) {
      score[j + 1] = design_->scale(columns[j]) * state.score[j + 1] + design_->mean(columns[j]) * state.score[0];
    }
  }
  if (!information.empty()) to_covariate_units(*design_, columns, state, information);
  return loglik;
}

void AftModel::covariance(std::span<const dim_t> columns, std::span<const double> parameters,
                          std::span<const std::uint8_t> aliased, std::span<double> covariance,
                          AftScratch& scratch) const {
  AftProblem problem(*design_, options_.distribution, log_time_, entries_, columns, scratch);
  NewtonState& state = scratch.newton_;
  to_standardized(*design_, columns, parameters, state.beta.data());
  problem.evaluate(state.beta.data());
  problem.differentiate_exactly(state);
  std::copy(aliased.begin(), aliased.end(), state.aliased.begin() + 1);
  factor_kept(state, options_.newton);
  kernels::kCpuDenseSolve.inverse({}, {.factor = state.factor.data(),
                                       .n = state.n,
                                       .stride = state.stride,
                                       .aliased = state.flat.data(),
                                       .inverse = state.information.data()});
  const std::size_t n = columns.size() + 2, stride = std::size_t(state.stride);
  std::vector<double> mean(n, 0.), scale(n, 1.);
  for (std::size_t j = 0; j < columns.size(); ++j) {
    mean[j + 1] = design_->mean(columns[j]);
    scale[j + 1] = design_->scale(columns[j]);
  }
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) covariance[a * n + b] = state.information[a * stride + b];
  covariance_to_covariate_units(mean, scale, covariance);
}

}  // namespace engram::survival
