#include "models/survival/cox_fit.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/cox_residuals.h"

namespace engram::survival {
namespace {

/// A standard error this many times the median of the others (in standardised units) means a flat likelihood.
constexpr double kInfiniteStandardError = 1e3;

/// b' A^-1 b over the rows of A with a positive diagonal.
ChiSquareTest wald_test(const std::vector<double>& coefficients, const std::vector<double>& covariance) {
  const auto k = dim_t(coefficients.size());
  std::vector<double> magnitude(coefficients.size()), factor(covariance.size()), solved(coefficients.size());
  std::vector<std::uint8_t> dropped(coefficients.size(), 0);
  for (dim_t j = 0; j < k; ++j) {
    magnitude[j] = covariance[j * k + j];
    dropped[j] = !(magnitude[j] > 0);
  }
  ChiSquareTest test;
  kernels::kCpuDenseSolve.cholesky({}, {.a = covariance.data(),
                                        .n = k,
                                        .stride = k,
                                        .magnitude = magnitude.data(),
                                        .tolerance = 1e-14,
                                        .factor = factor.data(),
                                        .aliased = dropped.data(),
                                        .num_aliased = &test.df});
  test.df = k - test.df;
  kernels::kCpuDenseSolve.solve({}, {.factor = factor.data(),
                                     .n = k,
                                     .stride = k,
                                     .aliased = dropped.data(),
                                     .b = coefficients.data(),
                                     .x = solved.data()});
  for (dim_t j = 0; j < k; ++j) test.statistic += coefficients[j] * solved[j];
  if (test.df > 0) test.log10_p = log10_p_chi_square(test.statistic, double(test.df));
  return test;
}

/// Score residuals times the case weights, in the outcome's order.
std::vector<double> weighted_score_residuals(const CoxModel& model, const CoxFit& fit) {
  const SurvivalDesign& design = model.design();
  const dim_t k = dim_t(fit.columns.size());
  std::vector<double> residuals = score_residuals(model, fit);
  for (dim_t i = 0; i < design.rows(); ++i)
    for (dim_t j = 0; j < k; ++j) residuals[design.order()[i] * k + j] *= design.weight()[i];
  return residuals;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Flags columns whose standardised standard error dwarfs the others'.
void flag_flat_columns(const SurvivalDesign& design, CoxFit& fit) {
  const std::size_t k = fit.columns.size();
  std::vector<double> errors(k);
  for (std::size_t j = 0; j < k; ++j) errors[j] = std::sqrt(fit.covariance[j * k + j]) * design.scale(fit.columns[j]);
  for (std::size_t j = 0; j < k; ++j) {
    std::vector<double> others;
    for (std::size_t i = 0; i < k; ++i) {
      if (i != j && errors[i] > 0) others.push_back(errors[i]);
    }
    if (others.empty() || fit.table[j].infinite || !(errors[j] > kInfiniteStandardError * median(others))) continue;
    fit.table[j].infinite = true;
    ++fit.status.num_infinite;
  }
}

}  // namespace

std::vector<double> CoxFit::coefficients() const {
  std::vector<double> values;
  for (const CoefficientRow& row : table) values.push_back(row.coefficient);
  return values;
}

CoxFit fit_cox(const CoxModel& model, std::span<const dim_t> columns, const RobustOptions& robust) {
  const SurvivalDesign& design = model.design();
  const std::size_t k = columns.size();
  CoxFit fit;
  fit.columns.assign(columns.begin(), columns.end());
  fit.rows = design.rows();
  fit.num_events = design.num_events();
  CoxScratch scratch;
  const std::vector<double> zeros(k, 0.);
  fit.score = model.score_test(columns, zeros, 0, scratch);
  fit.status = model.fit(columns, {}, scratch);
  fit.loglik_null = fit.status.loglik_start;
  for (std::size_t j = 0; j < k; ++j) {
    fit.table.push_back({.name = design.names()[std::size_t(columns[j])],
                         .coefficient = scratch.coefficients()[j],
                         .aliased = scratch.aliased()[j] != 0,
                         .infinite = scratch.infinite()[j] != 0});
  }
  const std::vector<double> coefficients = fit.coefficients();
  fit.covariance.resize(k * k);
  model.covariance(columns, coefficients, fit.covariance, scratch);
  if (k > 1 && !model.options().firth) flag_flat_columns(design, fit);
  if (robust.enabled)
    fit.robust_covariance = sandwich(weighted_score_residuals(model, fit), fit.covariance, robust.cluster);
  const std::vector<double>& covariance = robust.enabled ? fit.robust_covariance : fit.covariance;
  for (std::size_t j = 0; j < k; ++j) {
    CoefficientRow& row = fit.table[j];
    const double variance = covariance[j * k + j];
    if (row.aliased || !(variance > 0)) continue;
    row.standard_error = std::sqrt(variance);
    row.z = row.coefficient / row.standard_error;
    row.log10_p = log10_p_normal(row.z);
  }
  fit.wald = wald_test(coefficients, covariance);
  fit.likelihood_ratio = {.statistic = std::max(0., 2 * (fit.status.loglik - fit.loglik_null)),
                          .df = dim_t(k) - fit.status.num_aliased};
  if (fit.likelihood_ratio.df > 0) {
    fit.likelihood_ratio.log10_p = log10_p_chi_square(fit.likelihood_ratio.statistic, double(fit.likelihood_ratio.df));
  }
  return fit;
}

std::vector<double> centered_linear_predictor(const SurvivalDesign& design, const CoxFit& fit) {
  std::vector<double> predictor(std::size_t(design.rows()), 0.);
  for (std::size_t j = 0; j < fit.columns.size(); ++j) {
    const dim_t column = fit.columns[j];
    const double coefficient = fit.table[j].coefficient;
    for (dim_t i = 0; i < design.rows(); ++i) {
      predictor[design.order()[i]] += coefficient * (design.value(i, column) - design.reported_mean(column));
    }
  }
  return predictor;
}

}  // namespace engram::survival
