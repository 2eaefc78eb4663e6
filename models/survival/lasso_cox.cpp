#include "models/survival/lasso_cox.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/coordinate_descent/coordinate_descent.h"
#include "models/survival/cox_model.h"

namespace engram::survival {
namespace {

/// Ridge has no lambda at which all coefficients vanish; its path starts where the elastic net with this alpha would.
constexpr double kSmallestPathAlpha = 1e-3;

void check_options(const LassoOptions& options, std::size_t columns) {
  if (!(options.alpha >= 0 && options.alpha <= 1)) {
    throw UsageError(message("[lasso] expected alpha in [0, 1], got ", options.alpha));
  }
  if (options.lambda.empty() && options.num_lambda < 1) {
    throw UsageError(message("[lasso] expected at least 1 lambda, got ", options.num_lambda));
  }
  if (!(options.lambda_min_ratio > 0 && options.lambda_min_ratio < 1)) {
    throw UsageError(message("[lasso] expected a smallest lambda ratio in (0, 1), got ", options.lambda_min_ratio));
  }
  if (!(options.tolerance > 0))
    throw UsageError(message("[lasso] expected a tolerance above 0, got ", options.tolerance));
  if (!options.penalty_factor.empty() && options.penalty_factor.size() != columns) {
    throw UsageError(
        message("[lasso] expected ", columns, " penalty factors (one a column), got ", options.penalty_factor.size()));
  }
  for (double factor : options.penalty_factor) {
    if (!(factor >= 0) || !std::isfinite(factor)) {
      throw UsageError(message("[lasso] expected penalty factors >= 0, got ", factor));
    }
  }
  for (std::size_t i = 0; i < options.lambda.size(); ++i) {
    const bool descends = i == 0 || options.lambda[i] < options.lambda[i - 1];
    if (!(options.lambda[i] >= 0) || !std::isfinite(options.lambda[i]) || !descends) {
      throw UsageError(message("[lasso] expected descending lambdas >= 0, got ", options.lambda[i]));
    }
  }
}

/// The path in standardised units.
class LassoSolver {
 public:
  LassoSolver(const SurvivalDesign& design, std::span<const dim_t> columns, const LassoOptions& options)
      : design_(design), options_(options), columns_(columns.begin(), columns.end()), rows_(design.rows()) {
    const std::size_t p = columns.size();
    for (dim_t column : columns) sources_.push_back(design.standardized(column));
    total_weight_ = std::accumulate(design.weight().begin(), design.weight().end(), 0.);
    set_penalty_factors();
    for (auto* v : {&eta_, &trial_, &theta_, &residual_, &exposure_, &curvature_, &weight_, &working_}) {
      v->resize(std::size_t(rows_));
    }
    for (auto* v : {&beta_, &previous_, &gradient_, &column_curvature_, &l1_, &l2_}) v->assign(p, 0.);
    in_set_.assign(p, 0);
    groups_.resize(std::size_t(design.risk_sets().num_groups));
    eta_ = design.offset();
    loglik_null_ = evaluate(eta_);
    null_deviance_ = 2 * (saturated_loglik() - loglik_null_);
  }

  double loglik_null() const { return loglik_null_; }
  double null_deviance() const { return null_deviance_; }
  dim_t passes() const { return passes_; }
  bool exhausted() const { return passes_ >= options_.max_passes; }

  /// Fits the unpenalised columns and returns the smallest lambda at which no other enters.
  double start() {
    std::vector<dim_t> free;
    std::vector<std::size_t> position;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      if (factor_[j] > 0) continue;
      free.push_back(columns_[j]);
      position.push_back(j);
      in_set_[j] = 1;
    }
    CoxScratch scratch;
    CoxModel(design_, {.ties = CoxTies::kBreslow, .newton = exact_newton()}).fit(free, {}, scratch);
    for (std::size_t f = 0; f < free.size(); ++f) {
      const std::size_t j = position[f];
      beta_[j] = scratch.coefficients()[f] * design_.scale(free[f]);
      for (dim_t i = 0; i < rows_; ++i) eta_[i] += beta_[j] * sources_[j][i];
    }
    evaluate(eta_);
    update_gradients();
    double largest = 0;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      if (factor_[j] > 0) largest = std::max(largest, std::abs(gradient_[j]) / factor_[j]);
    }
    return largest / std::max(options_.alpha, kSmallestPathAlpha);
  }

  /// Moves to the solution at `lambda`, from that at `previous_lambda` (or the start).
  void solve(double lambda, double previous_lambda) {
    const double alpha = options_.alpha;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      l1_[j] = lambda * alpha * factor_[j];
      l2_[j] = lambda * (1 - alpha) * factor_[j];
      // Sequential strong rule (Tibshirani et al. 2012): what it leaves out is checked below.
      if (std::abs(gradient_[j]) >= alpha * factor_[j] * (2 * lambda - previous_lambda)) in_set_[j] = 1;
    }
    do {
      set_.clear();
      for (std::size_t j = 0; j < columns_.size(); ++j) {
        if (in_set_[j]) set_.push_back(std::int32_t(j));
      }
      solve_on_set();
      update_gradients();
    } while (add_violators() && !exhausted());
  }

  LassoStep step(double lambda) const {
    LassoStep step{.lambda = lambda, .column = {}, .coefficient = {}, .loglik = loglik_};
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      if (beta_[j] == 0) continue;
      step.column.push_back(dim_t(j));
      step.coefficient.push_back(beta_[j] / design_.scale(columns_[j]));
    }
    if (null_deviance_ > 0) step.deviance_ratio = 2 * (loglik_ - loglik_null_) / null_deviance_;
    return step;
  }

  dim_t penalized_terms() const {
    dim_t terms = 0;
    for (std::size_t j = 0; j < columns_.size(); ++j) terms += factor_[j] > 0 && beta_[j] != 0;
    return terms;
  }

 private:
  void set_penalty_factors() {
    const std::size_t p = columns_.size();
    factor_ = options_.penalty_factor.empty() ? std::vector<double>(p, 1.) : options_.penalty_factor;
    const double sum = std::accumulate(factor_.begin(), factor_.end(), 0.);
    if (!(sum > 0)) throw UsageError("[lasso] expected at least one column with a penalty factor above 0, got none");
    for (double& factor : factor_) factor *= double(p) / sum;
  }

  double saturated_loglik() const {
    double sum = 0;
    for (const kernels::CoxGroupSums& group : groups_) {
      if (group.death_weight > 0) sum -= group.death_weight * std::log(group.death_weight);
    }
    return sum;
  }

  /// Log partial likelihood at `eta`; leaves its derivatives by row.
  double evaluate(const std::vector<double>& eta) {
    kernels::kCpuCoxPartial.likelihood({}, {.sets = design_.risk_sets(),
                                            .ties = CoxTies::kBreslow,
                                            .eta = eta.data(),
                                            .theta = theta_.data(),
                                            .groups = groups_.data(),
                                            .residual = residual_.data(),
                                            .exposure = exposure_.data(),
                                            .loglik = &loglik_});
    return loglik_;
  }

  /// Gradient of l/n by every coefficient, at the eta last evaluated.
  void update_gradients() {
    for (dim_t i = 0; i < rows_; ++i) working_[i] = residual_[i] / total_weight_;
    column_sums(nullptr, dim_t(columns_.size()), working_, false, gradient_);
  }

  void column_sums(const std::int32_t* active, dim_t count, const std::vector<double>& v, bool squared,
                   std::vector<double>& out) {
    kernels::kCpuCoordinateDescent.column_sums({}, {.columns = sources_.data(),
                                                    .rows = rows_,
                                                    .active = active,
                                                    .num_active = count,
                                                    .v = v.data(),
                                                    .squared = squared,
                                                    .out = out.data()});
  }

  bool add_violators() {
    bool any = false;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      if (in_set_[j] || std::abs(gradient_[j]) <= l1_[j] * (1 + 1e-9)) continue;
      in_set_[j] = 1;
      any = true;
    }
    return any;
  }

  double penalty(const std::vector<double>& beta) const {
    double sum = 0;
    for (std::int32_t j : set_) sum += l1_[j] * std::abs(beta[j]) + l2_[j] * beta[j] * beta[j] / 2;
    return sum;
  }

  double threshold() const { return options_.tolerance * std::max(null_deviance_ / total_weight_, 1e-300); }

  /// Outer loop: quadratic models of the likelihood, each minimised by coordinate descent, with halving where the model
  /// promised too much.
  void solve_on_set() {
    evaluate(eta_);
    double objective = -loglik_ / total_weight_ + penalty(beta_);
    while (!exhausted()) {
      previous_ = beta_;
      trial_ = eta_;
      minimize_model();
      double largest = largest_change(previous_);
      double next = -evaluate(eta_) / total_weight_ + penalty(beta_);
      for (int halving = 0; halving < 30 && !(next <= objective + 1e-14 * std::abs(objective)); ++halving) {
        for (std::int32_t j : set_) beta_[j] = (beta_[j] + previous_[j]) / 2;
        for (dim_t i = 0; i < rows_; ++i) eta_[i] = (eta_[i] + trial_[i]) / 2;
        next = -evaluate(eta_) / total_weight_ + penalty(beta_);
      }
      objective = next;
      if (largest <= threshold()) break;
    }
  }

  double largest_change(const std::vector<double>& from) const {
    double largest = 0;
    for (std::int32_t j : set_) {
      const double change = beta_[j] - from[j];
      largest = std::max(largest, column_curvature_[j] * change * change);
    }
    return largest;
  }

  /// Minimises the quadratic model at the eta last evaluated over the coordinates of the set.
  void minimize_model() {
    kernels::kCpuCoxPartial.curvature({}, {.sets = design_.risk_sets(),
                                           .ties = CoxTies::kBreslow,
                                           .theta = theta_.data(),
                                           .exposure = exposure_.data(),
                                           .groups = groups_.data(),
                                           .curvature = curvature_.data()});
    for (dim_t i = 0; i < rows_; ++i) {
      weight_[i] = curvature_[i] / total_weight_;
      working_[i] = residual_[i] / total_weight_;
    }
    column_sums(set_.data(), dim_t(set_.size()), weight_, true, column_curvature_);
    while (!exhausted()) {
      if (pass(set_) <= threshold()) break;
      active_.clear();
      for (std::int32_t j : set_) {
        if (beta_[j] != 0) active_.push_back(j);
      }
      while (!exhausted() && pass(active_) > threshold()) {
      }
    }
  }

  double pass(const std::vector<std::int32_t>& active) {
    double largest = 0;
    kernels::kCpuCoordinateDescent.pass({}, {.columns = sources_.data(),
                                             .rows = rows_,
                                             .active = active.data(),
                                             .num_active = dim_t(active.size()),
                                             .weight = weight_.data(),
                                             .curvature = column_curvature_.data(),
                                             .l1 = l1_.data(),
                                             .l2 = l2_.data(),
                                             .residual = working_.data(),
                                             .eta = eta_.data(),
                                             .beta = beta_.data(),
                                             .largest = &largest});
    ++passes_;
    return largest;
  }

  const SurvivalDesign& design_;
  const LassoOptions& options_;
  std::vector<dim_t> columns_;
  dim_t rows_, passes_ = 0;
  double total_weight_ = 0, loglik_ = 0, loglik_null_ = 0, null_deviance_ = 0;
  std::vector<const double*> sources_;
  std::vector<double> factor_;                                                                    // penalty factors
  std::vector<double> eta_, trial_, theta_, residual_, exposure_, curvature_, weight_, working_;  // by row
  std::vector<double> beta_, previous_, gradient_, column_curvature_, l1_, l2_;                   // by column
  std::vector<std::uint8_t> in_set_;
  std::vector<std::int32_t> set_, active_;
  std::vector<kernels::CoxGroupSums> groups_;
};

std::vector<double> lambda_path(const LassoOptions& options, double lambda_max) {
  if (!options.lambda.empty()) return options.lambda;
  std::vector<double> path;
  const double steps = std::max<double>(1, double(options.num_lambda - 1));
  for (dim_t s = 0; s < options.num_lambda; ++s) {
    path.push_back(lambda_max * std::pow(options.lambda_min_ratio, double(s) / steps));
  }
  return path;
}

}  // namespace

std::vector<double> LassoPath::dense(dim_t s) const {
  std::vector<double> values(columns.size(), 0.);
  const LassoStep& step = steps[std::size_t(s)];
  for (std::size_t i = 0; i < step.column.size(); ++i) values[std::size_t(step.column[i])] = step.coefficient[i];
  return values;
}

LassoPath lasso_cox(const SurvivalDesign& design, std::span<const dim_t> columns, const LassoOptions& options) {
  check_options(options, columns.size());
  design.check_columns(columns);
  if (design.num_events() == 0) throw UsageError("[lasso] expected at least one event, got none");
  LassoSolver solver(design, columns, options);
  LassoPath path;
  path.columns.assign(columns.begin(), columns.end());
  path.loglik_null = solver.loglik_null();
  path.null_deviance = solver.null_deviance();
  const double lambda_max = solver.start();
  double previous = lambda_max;
  for (double lambda : lambda_path(options, lambda_max)) {
    solver.solve(lambda, std::max(previous, lambda));
    if (solver.exhausted()) {
      path.converged = false;
      break;
    }
    path.steps.push_back(solver.step(lambda));
    if (options.max_terms >= 0 && solver.penalized_terms() > options.max_terms) break;
    previous = lambda;
  }
  path.passes = solver.passes();
  return path;
}

}  // namespace engram::survival
