#include "models/survival/lasso_cox.h"

#include <cmath>

#include "kernels/common/error.h"
#include "models/survival/lasso_solver.h"

namespace engram::survival {
namespace {

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
