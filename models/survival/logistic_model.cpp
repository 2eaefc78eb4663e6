#include "models/survival/logistic_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/logistic_likelihood/logistic_likelihood.h"
#include "kernels/weighted_gram/weighted_gram.h"
#include "models/survival/newton_iteration.h"
#include "models/survival/probability.h"
#include "models/survival/standardized_columns.h"

namespace engram::survival {
namespace {

/// Bernoulli log-likelihood of intercept and standardised columns.
class LogisticProblem {
 public:
  LogisticProblem(const StandardizedColumns& columns, std::span<const std::uint8_t> response,
                  const std::vector<double>& weight, NewtonState& state)
      : rows_(columns.rows()),
        columns_(columns.columns() + 1),
        stride_(kernels::panel_stride(columns.columns() + 1)),
        response_(response),
        weight_(weight) {
    state.reset(columns.columns() + 1);
    state.kept[0] = 1;
    std::vector<const double*> sources = {nullptr};  // ones
    for (dim_t j = 0; j < columns.columns(); ++j) {
      sources.push_back(columns.column(j));
      state.span[j + 1] = columns.span(j);
    }
    panel_.resize(std::size_t(rows_ * stride_));
    for (auto* v : {&eta_, &probability_, &gradient_, &curvature_}) v->resize(std::size_t(rows_));
    kernels::kCpuWeightedGram.pack_columns({}, {.columns = sources.data(),
                                                .num_columns = dim_t(sources.size()),
                                                .rows = rows_,
                                                .stride = stride_,
                                                .panel = panel_.data()});
  }

  double evaluate(const double* beta) {
    double loglik = 0;
    kernels::kCpuWeightedGram.linear_predictor(
        {},
        {.panel = panel_.data(), .rows = rows_, .stride = stride_, .beta = beta, .offset = nullptr, .y = eta_.data()});
    kernels::kCpuLogisticLikelihood.likelihood({}, {.rows = rows_,
                                                    .eta = eta_.data(),
                                                    .response = response_.data(),
                                                    .weight = weight_.data(),
                                                    .probability = probability_.data(),
                                                    .gradient = gradient_.data(),
                                                    .curvature = curvature_.data(),
                                                    .loglik = &loglik});
    return loglik;
  }

  void initialize(double*) {}

  // For recession.h.
  double reach(const double* direction) {
    kernels::kCpuWeightedGram.linear_predictor({}, {.panel = panel_.data(),
                                                    .rows = rows_,
                                                    .stride = stride_,
                                                    .beta = direction,
                                                    .offset = nullptr,
                                                    .y = eta_.data()});
    double low = 0, high = 0;
    bool any = false;
    for (dim_t i = 0; i < rows_; ++i) {
      if (weight_[i] == 0) continue;
      low = any ? std::min(low, eta_[i]) : eta_[i];
      high = any ? std::max(high, eta_[i]) : eta_[i];
      any = true;
    }
    return high - low;
  }
  double unit() const { return std::accumulate(weight_.begin(), weight_.end(), 0.) / double(rows_); }
  dim_t num_linear() const { return columns_; }

  void differentiate(NewtonState& state) {
    kernels::kCpuWeightedGram.transpose_product(
        {}, {.panel = panel_.data(), .rows = rows_, .stride = stride_, .r = gradient_.data(), .y = state.score.data()});
    kernels::kCpuWeightedGram.gram({}, {.panel = panel_.data(),
                                        .rows = rows_,
                                        .stride = stride_,
                                        .weight = curvature_.data(),
                                        .out = state.information.data(),
                                        .accumulate = false,
                                        .mirror = true});
    for (dim_t j = 0; j < state.n; ++j) state.magnitude[j] = state.information[j * stride_ + j];
  }

  const std::vector<double>& probability() const { return probability_; }

 private:
  dim_t rows_, columns_, stride_;
  std::span<const std::uint8_t> response_;
  const std::vector<double>& weight_;
  std::vector<double> panel_, eta_, probability_, gradient_, curvature_;
};

void check_response(const CovariateMatrix& covariates, std::span<const std::uint8_t> response,
                    std::span<const double> weight) {
  const dim_t rows = covariates.rows();
  if (dim_t(response.size()) != rows) {
    throw ShapeError(message("[logistic] expected ", rows, " responses (rows of covariates), got ", response.size()));
  }
  if (!weight.empty() && dim_t(weight.size()) != rows) {
    throw ShapeError(message("[logistic] expected ", rows, " weights (rows of covariates), got ", weight.size()));
  }
  bool any[2] = {false, false};
  for (dim_t i = 0; i < rows; ++i) {
    if (response[i] > 1) {
      throw DataError(message("[logistic] expected response 0 or 1, got ", int(response[i]), " at row ", i));
    }
    const double w = weight.empty() ? 1 : weight[i];
    if (!(w >= 0) || !std::isfinite(w)) {
      throw DataError(message("[logistic] expected finite weights >= 0, got ", w, " at row ", i));
    }
    if (w > 0) any[response[i]] = true;
  }
  if (!any[0] || !any[1]) {
    throw DataError(message("[logistic] expected both responses, got only ", any[1] ? "ones" : "zeros",
                            ": a treatment that all or none got has no propensity"));
  }
}

}  // namespace

LogisticFit fit_logistic(const CovariateMatrix& covariates, std::span<const std::uint8_t> response,
                         std::span<const double> weight, const NewtonControl& control) {
  check_response(covariates, response, weight);
  check_newton(control);
  const StandardizedColumns columns(covariates, {}, weight);
  const std::vector<double> weights =
      weight.empty() ? std::vector<double>(response.size(), 1.) : std::vector<double>(weight.begin(), weight.end());
  double ones = 0, all = 0;
  for (std::size_t i = 0; i < response.size(); ++i) {
    ones += weights[i] * response[i];
    all += weights[i];
  }
  NewtonState state;
  LogisticProblem problem(columns, response, weights, state);
  state.beta[0] = std::log(ones / (all - ones));
  LogisticFit fit;
  fit.status = maximize(problem, control, state);
  const auto n = std::size_t(state.n), k = n - 1;
  problem.evaluate(state.beta.data());
  fit.probability = problem.probability();
  problem.differentiate(state);
  factor_kept(state, control);
  kernels::kCpuDenseSolve.inverse({}, {.factor = state.factor.data(),
                                       .n = state.n,
                                       .stride = state.stride,
                                       .aliased = state.flat.data(),
                                       .inverse = state.information.data()});
  fit.estimate.assign(n, 0);
  fit.estimate[0] = state.beta[0];
  fit.covariance.resize(n * n);
  std::vector<double> mean(n, 0.), scale(n, 1.);
  for (std::size_t j = 1; j <= k; ++j) {
    mean[j] = columns.mean(dim_t(j) - 1);
    scale[j] = columns.scale(dim_t(j) - 1);
    fit.estimate[j] = state.beta[j] / scale[j];
    fit.estimate[0] -= fit.estimate[j] * mean[j];
  }
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b)
      fit.covariance[a * n + b] = state.information[a * std::size_t(state.stride) + b];
  covariance_to_covariate_units(mean, scale, fit.covariance);
  fit.names.push_back("(Intercept)");
  fit.names.insert(fit.names.end(), covariates.names().begin(), covariates.names().end());
  fit.aliased.assign(state.aliased.begin(), state.aliased.begin() + n);
  fit.infinite.assign(state.infinite.begin(), state.infinite.begin() + n);
  WaldTests tests = wald_tests(fit.estimate, fit.covariance, fit.aliased);
  fit.standard_error = std::move(tests.standard_error);
  fit.z = std::move(tests.z);
  fit.log10_p = std::move(tests.log10_p);
  return fit;
}

}  // namespace engram::survival
