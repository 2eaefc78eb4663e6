#include "models/survival/cox_fit.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "kernels/dense_solve/dense_solve.h"
#include "models/survival/cox_residuals.h"
#include "models/survival/support.h"

namespace engram::survival {
namespace {

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
    for (dim_t j = 0; j < k; ++j) {
      double& r = residuals[design.order()[i] * k + j];
      r = design.weight()[i] > 0 ? r * design.weight()[i] : 0;
    }
  return residuals;
}

/// No information is left of a column whose variance is 0 although the fit did not drop it.
void flag_columns_without_information(CoxFit& fit) {
  const std::size_t k = fit.columns.size();
  for (std::size_t j = 0; j < k; ++j) {
    if (fit.table[j].aliased || fit.table[j].infinite || fit.covariance[j * k + j] > 0) continue;
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
  require_gain(fit.loglik_null, fit.status);
  const std::vector<double> coefficients = fit.coefficients();
  const std::vector<std::uint8_t> aliased(scratch.aliased().begin(), scratch.aliased().end());
  fit.covariance.resize(k * k);
  model.covariance(columns, coefficients, aliased, fit.covariance, scratch);
  flag_columns_without_information(fit);
  const std::vector<double> support = supporting_patients(design, columns, aliased);
  for (std::size_t j = 0; j < k; ++j) fit.table[j].support = support[j];
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
