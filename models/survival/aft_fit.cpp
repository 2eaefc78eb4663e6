#include <algorithm>
#include <cmath>

#include "kernels/dense_solve/dense_solve.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/aft_problem.h"
#include "models/survival/newton_iteration.h"
#include "models/survival/support.h"

namespace engram::survival {

std::vector<AftScoreTest> AftModel::score_tests(std::span<const dim_t> columns, std::span<const double> parameters,
                                                std::span<const dim_t> candidates, AftScratch& scratch) const {
  design_->check_columns(candidates);
  std::vector<double> score(columns.size() + 2);
  derivatives(columns, parameters, score, {}, scratch);  // leaves gradient and curvature by row, and the factor's input
  NewtonState& state = scratch.newton_;
  // The scale is held: its row and column are those of a dropped parameter.
  state.n -= 1;
  std::fill(state.flat.begin(), state.flat.end(), 0);
  factor_information(state, options_.newton.pivot_tolerance, state.flat);
  const dim_t rows = design_->rows();
  std::vector<double> weighted(std::size_t(rows), 0.);
  std::vector<AftScoreTest> tests;
  for (dim_t candidate : candidates) {
    const double* b = design_->standardized(candidate);
    double u = 0, squares = 0;
    for (dim_t i = 0; i < rows; ++i) {
      u += b[i] * scratch.gradient_[i];
      weighted[i] = b[i] * scratch.curvature_[i];
      squares += b[i] * weighted[i];
    }
    double* cross = state.trial.data();
    kernels::kCpuWeightedGram.transpose_product(
        {}, {.panel = scratch.panel_.data(), .rows = rows, .stride = state.stride, .r = weighted.data(), .y = cross});
    kernels::kCpuDenseSolve.solve({}, {.factor = state.factor.data(),
                                       .n = state.n,
                                       .stride = state.stride,
                                       .aliased = state.flat.data(),
                                       .b = cross,
                                       .x = state.step.data()});
    double information = squares, residual_u = u;
    for (dim_t j = 0; j < state.n; ++j) {
      information -= cross[j] * state.step[j];
      residual_u -= state.step[j] * state.score[j];
    }
    AftScoreTest test;
    if (squares > 0 && information > options_.newton.pivot_tolerance * squares) {
      test.z = residual_u / std::sqrt(information);
      test.one_step = residual_u / information / design_->scale(candidate);
      test.log10_p = log10_p_normal(test.z);
    }
    tests.push_back(test);
  }
  return tests;
}

std::vector<double> AftModel::score_residuals(std::span<const dim_t> columns, std::span<const double> parameters,
                                              AftScratch& scratch) const {
  loglik(columns, parameters, scratch);  // leaves the linear predictor and dl/deta by row
  const std::size_t n = columns.size() + 2;
  const std::vector<double> entered = entry_gradients(parameters.back(), scratch);
  std::vector<double> residuals(std::size_t(design_->rows()) * n);
  for (dim_t i = 0; i < design_->rows(); ++i) {
    double* row = residuals.data() + std::size_t(design_->order()[i]) * n;
    const double gradient = scratch.gradient_[i];
    row[0] = gradient;
    for (std::size_t j = 0; j < columns.size(); ++j) row[j + 1] = gradient * design_->value(i, columns[j]);
    // dl/dlog sigma = -d - z dl/dz, and z dl/dz = -(log time - eta) dl/deta.
    row[n - 1] = (log_time_[i] - scratch.eta_[i]) * gradient - design_->weight()[i] * design_->event()[i];
    // Of log S(entry) likewise, which the row loses.
    if (!entered.empty()) row[n - 1] += (log_time_[i] - entries_.log_entry(std::size_t(i))) * entered[std::size_t(i)];
  }
  return residuals;
}

std::vector<double> AftModel::entry_gradients(double log_sigma, const AftScratch& scratch) const {
  kernels::AftLikelihoodArgs args{};
  args.distribution = options_.distribution;
  args.rows = design_->rows();
  args.eta = scratch.eta_.data();
  args.log_sigma = log_sigma;
  return entries_.part(args).gradient;
}

AftFit fit_aft(const AftModel& model, std::span<const dim_t> columns, const RobustOptions& robust) {
  const std::size_t n = columns.size() + 2;
  AftScratch scratch;
  AftFit fit;
  fit.distribution = model.options().distribution;
  fit.columns.assign(columns.begin(), columns.end());
  fit.loglik_intercept_only = model.fit({}, {}, scratch).loglik;
  fit.status = model.fit(columns, {}, scratch);
  require_gain(fit.loglik_intercept_only, fit.status);
  fit.estimate.assign(scratch.parameters().begin(), scratch.parameters().end());
  fit.aliased.assign(n, 0);
  fit.infinite.assign(n, 0);
  std::copy(scratch.aliased().begin(), scratch.aliased().end(), fit.aliased.begin() + 1);
  std::copy(scratch.infinite().begin(), scratch.infinite().end(), fit.infinite.begin() + 1);
  fit.scale_vanishes = scratch.scale_vanishes();
  fit.infinite.back() = fit.scale_vanishes;
  fit.names.push_back("(Intercept)");
  for (dim_t column : columns) fit.names.push_back(model.design().names()[std::size_t(column)]);
  fit.names.push_back("log(scale)");
  fit.covariance.resize(n * n);
  model.covariance(columns, fit.estimate, std::vector<std::uint8_t>(fit.aliased.begin() + 1, fit.aliased.end() - 1),
                   fit.covariance, scratch);
  if (robust.enabled) {
    fit.robust_covariance =
        sandwich(model.score_residuals(columns, fit.estimate, scratch), fit.covariance, robust.cluster);
  }
  WaldTests tests = wald_tests(fit.estimate, robust.enabled ? fit.robust_covariance : fit.covariance, fit.aliased);
  if (fit.scale_vanishes) {
    for (auto* v : {&tests.standard_error, &tests.z, &tests.log10_p}) v->assign(n, 0);
  }
  fit.standard_error = std::move(tests.standard_error);
  fit.z = std::move(tests.z);
  fit.log10_p = std::move(tests.log10_p);
  fit.likelihood_ratio.statistic = std::max(0., 2 * (fit.status.loglik - fit.loglik_intercept_only));
  fit.likelihood_ratio.df = dim_t(columns.size()) - fit.status.num_aliased;
  if (fit.likelihood_ratio.df > 0 && !fit.scale_vanishes) {
    fit.likelihood_ratio.log10_p = log10_p_chi_square(fit.likelihood_ratio.statistic, double(fit.likelihood_ratio.df));
  }
  fit.support = supporting_patients(model.design(), columns, {fit.aliased.data() + 1, columns.size()});
  fit.scale = std::exp(fit.estimate.back());
  fit.aic = 2 * double(dim_t(n) - fit.status.num_aliased) - 2 * fit.status.loglik;
  return fit;
}

}  // namespace engram::survival
