#pragma once
/// The steps of an elastic-net Cox path. Internal to the survival models.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/coordinate_descent/coordinate_descent.h"
#include "models/survival/cox_problem.h"
#include "models/survival/lasso_cox.h"
#include "models/survival/newton_iteration.h"

namespace engram::survival {

/// Ridge has no lambda at which all coefficients vanish; its path starts where the elastic net with this alpha would.
inline constexpr double kSmallestPathAlpha = 1e-3;

inline constexpr int kMaxHalvings = 30;

/// Quadratic models minimised before Newton steps are tried, and how many of those in a row.
inline constexpr int kModelsBeforeNewton = 3, kMaxNewtonSteps = 4;

/// Part of its own sum of squares that is added to each diagonal element of the Hessian: with nearly as many columns in
/// as there are events the Hessian is close to singular, and undamped steps go nowhere.
inline constexpr double kDamping = 1e-3;

/// Squared change of a coefficient, relative to that of the first pass, at which a quadratic model counts as minimised.
inline constexpr double kInnerAccuracy = 0.01;

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

  /// Squared change of a coefficient, times its curvature, below which it counts as converged.
  double threshold() const { return options_.tolerance * std::max(null_deviance_ / total_weight_, 1e-300); }

  /// Alternates quadratic models of the likelihood with a diagonal Hessian by row, each minimised by coordinate
  /// descent, and Newton steps with the true Hessian on the coefficients that are not 0. The first finds which those
  /// are, but alone it converges slowly where many columns are in.
  void solve_on_set() {
    evaluate(eta_);
    objective_ = -loglik_ / total_weight_ + penalty(beta_);
    for (int round = 1; !exhausted(); ++round) {
      previous_ = beta_;
      trial_ = eta_;
      minimize_model();
      const double largest = largest_change(previous_);
      double next = -evaluate(eta_) / total_weight_ + penalty(beta_);
      for (int halving = 0; halving < kMaxHalvings && !improves(next); ++halving) {
        for (std::int32_t j : set_) beta_[j] = (beta_[j] + previous_[j]) / 2;
        for (dim_t i = 0; i < rows_; ++i) eta_[i] = (eta_[i] + trial_[i]) / 2;
        next = -evaluate(eta_) / total_weight_ + penalty(beta_);
      }
      objective_ = next;
      if (largest <= threshold()) break;
      if (round % kModelsBeforeNewton == 0) {
        for (int step = 0; step < kMaxNewtonSteps && newton_step(); ++step) {
        }
        evaluate(eta_);
      }
    }
  }

  bool improves(double objective) const { return objective <= objective_ + 1e-14 * std::abs(objective_); }

  /// One Newton step of the penalised likelihood on the coefficients that are not 0, signs held: one that would change
  /// its sign becomes 0. True if it lowered the objective and is worth another.
  bool newton_step() {
    active_.clear();
    active_columns_.clear();
    for (std::int32_t j : set_) {
      if (beta_[j] == 0) continue;
      active_.push_back(j);
      active_columns_.push_back(columns_[j]);
    }
    if (active_.empty() || dim_t(active_.size()) > rows_) return false;
    const auto k = active_.size();
    CoxProblem problem(design_, CoxTies::kBreslow, active_columns_, scratch_);
    newton_.reset(dim_t(k));
    for (std::size_t a = 0; a < k; ++a) newton_.beta[a] = beta_[active_[a]];
    problem.evaluate(newton_.beta.data());
    problem.differentiate(newton_);
    for (std::size_t a = 0; a < k; ++a) {
      const std::int32_t j = active_[a];
      const double ridge = total_weight_ * l2_[j];
      newton_.score[a] -= total_weight_ * std::copysign(l1_[j], beta_[j]) + ridge * beta_[j];
      newton_.information[a * std::size_t(newton_.stride + 1)] += ridge + kDamping * newton_.magnitude[a];
    }
    factor_information(newton_, 1e-10, newton_.flat);
    kernels::kCpuDenseSolve.solve({}, {.factor = newton_.factor.data(),
                                       .n = newton_.n,
                                       .stride = newton_.stride,
                                       .aliased = newton_.flat.data(),
                                       .b = newton_.score.data(),
                                       .x = newton_.step.data()});
    return accept_newton_step(problem);
  }

  bool accept_newton_step(CoxProblem& problem) {
    double length = 1;
    for (int halving = 0; halving < 3; ++halving, length /= 2) {
      previous_ = beta_;
      for (std::size_t a = 0; a < active_.size(); ++a) {
        const std::int32_t j = active_[a];
        const double moved = beta_[j] + length * newton_.step[a];
        newton_.trial[a] = l1_[j] > 0 && moved * beta_[j] < 0 ? 0 : moved;
        previous_[j] = newton_.trial[a];
      }
      const double next = -problem.evaluate(newton_.trial.data()) / total_weight_ + penalty(previous_);
      if (!std::isfinite(next) || next >= objective_) continue;
      const double largest = largest_change(previous_);
      std::swap(beta_, previous_);
      std::copy(problem.eta().begin(), problem.eta().end(), eta_.begin());
      objective_ = next;
      return largest > threshold();
    }
    return false;
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
    // The model is wrong by as much as the coefficients move, so a part of the first pass's change is close enough.
    double enough = 0;
    while (!exhausted()) {
      const double largest = pass(set_);
      if (enough == 0) enough = std::max(threshold(), kInnerAccuracy * largest);
      if (largest <= enough) break;
      active_.clear();
      for (std::int32_t j : set_) {
        if (beta_[j] != 0) active_.push_back(j);
      }
      while (!exhausted() && pass(active_) > enough) {
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
  double objective_ = 0;               // -l/n + penalty at beta_
  std::vector<dim_t> active_columns_;  // of the design, as active_
  NewtonState newton_;
  CoxScratch scratch_;
};

}  // namespace engram::survival
