#include <algorithm>
#include <cmath>
#include <memory>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/common/philox.h"
#include "models/survival/cox_model.h"
#include "models/survival/lasso_cox.h"

namespace engram::survival {
namespace {

/// Whether the patient's death counts: one of weight 0 is absent.
bool dies(const SurvivalOutcome& outcome, dim_t i) {
  return outcome.event[i] != 0 && (outcome.weight.empty() || outcome.weight[i] > 0);
}

/// Deals shuffled patients to folds: events first, then the censored, so that both are spread evenly.
std::vector<std::int32_t> draw_folds(const SurvivalOutcome& outcome, dim_t folds, std::uint64_t seed) {
  std::vector<dim_t> order;
  std::uint64_t position = 0;
  for (bool event : {true, false}) {
    const std::size_t begin = order.size();
    for (dim_t i = 0; i < outcome.rows(); ++i) {
      if (dies(outcome, i) == event) order.push_back(i);
    }
    for (std::size_t i = order.size(); i > begin + 1; --i) {
      const std::uint64_t below = std::uint64_t(kernels::philox_word(seed, position++)) * (i - begin) >> 32;
      std::swap(order[i - 1], order[begin + below]);
    }
  }
  std::vector<std::int32_t> fold_of(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) fold_of[std::size_t(order[i])] = std::int32_t(i % std::size_t(folds));
  return fold_of;
}

void check_folds(const SurvivalOutcome& outcome, const std::vector<std::int32_t>& fold_of, dim_t folds) {
  if (dim_t(fold_of.size()) != outcome.rows()) {
    throw ShapeError(
        message("[lasso] expected ", outcome.rows(), " fold numbers (one a patient), got ", fold_of.size()));
  }
  std::vector<dim_t> events(std::size_t(folds), 0);
  for (std::size_t i = 0; i < fold_of.size(); ++i) {
    if (fold_of[i] < 0 || fold_of[i] >= folds) {
      throw UsageError(message("[lasso] expected folds in 0 to ", folds - 1, ", got ", fold_of[i], " at row ", i));
    }
    events[std::size_t(fold_of[i])] += dies(outcome, dim_t(i));
  }
  for (dim_t f = 0; f < folds; ++f) {
    if (events[std::size_t(f)] == 0) {
      throw UsageError(message("[lasso] expected events in every fold, got none in fold ", f, " of ", folds,
                               "; hint: take fewer folds"));
    }
  }
}

/// One fold: its training design, its path, and what it is judged by.
struct Fold {
  std::unique_ptr<SurvivalDesign> training;
  double event_weight = 0;       ///< of the patients left out
  std::vector<double> deviance;  ///< per lambda: of all patients less of the training patients
};

/// -2 l of each step's coefficients over the columns of `design`.
std::vector<double> minus_twice_loglik(const SurvivalDesign& design, const LassoPath& path) {
  const CoxModel model(design, {.ties = CoxTies::kBreslow});
  CoxScratch scratch;
  std::vector<double> values;
  std::vector<dim_t> columns;
  for (const LassoStep& step : path.steps) {
    columns.clear();
    for (dim_t j : step.column) columns.push_back(path.columns[std::size_t(j)]);
    values.push_back(-2 * model.loglik(columns, step.coefficient, scratch));
  }
  return values;
}

void summarize(const std::vector<Fold>& folds, LassoCv& cv) {
  const std::size_t steps = cv.path.steps.size();
  double total = 0;
  for (const Fold& fold : folds) total += fold.event_weight;
  for (std::size_t s = 0; s < steps; ++s) {
    double mean = 0, variance = 0;
    for (const Fold& fold : folds) mean += fold.deviance[s] / total;
    for (const Fold& fold : folds) {
      const double deviation = fold.deviance[s] / fold.event_weight - mean;
      variance += fold.event_weight / total * deviation * deviation;
    }
    cv.mean.push_back(mean);
    cv.standard_error.push_back(std::sqrt(variance / double(folds.size() - 1)));
  }
  if (steps == 0) return;
  cv.index_min = std::min_element(cv.mean.begin(), cv.mean.end()) - cv.mean.begin();
  const double limit = cv.mean[std::size_t(cv.index_min)] + cv.standard_error[std::size_t(cv.index_min)];
  while (cv.mean[std::size_t(cv.index_1se)] > limit) ++cv.index_1se;
}

}  // namespace

LassoCv lasso_cox_cv(const SurvivalOutcome& outcome, const CovariateMatrix& covariates, const LassoCvOptions& options) {
  if (options.folds < 2) throw UsageError(message("[lasso] expected at least 2 folds, got ", options.folds));
  const SurvivalDesign design(outcome, covariates);
  const std::vector<std::int32_t> fold_of =
      options.fold_of.empty() ? draw_folds(outcome, options.folds, options.seed) : options.fold_of;
  check_folds(outcome, fold_of, options.folds);
  const std::vector<dim_t> columns = design.all_columns();
  LassoCv cv;
  cv.path = lasso_cox(design, columns, options.lasso);

  std::vector<Fold> folds(std::size_t(options.folds));
  for (dim_t f = 0; f < options.folds; ++f) {
    std::vector<dim_t> kept;
    for (dim_t i = 0; i < outcome.rows(); ++i) {
      if (fold_of[i] != f) {
        kept.push_back(i);
      } else if (outcome.event[i]) {
        folds[f].event_weight += outcome.weight.empty() ? 1 : outcome.weight[i];
      }
    }
    folds[f].training = std::make_unique<SurvivalDesign>(outcome.select(kept), covariates.select(kept));
  }
  LassoOptions fold_options = options.lasso;
  fold_options.max_terms = -1;
  fold_options.lambda.clear();
  for (const LassoStep& step : cv.path.steps) fold_options.lambda.push_back(step.lambda);
  if (fold_options.lambda.empty()) return cv;
  kernels::parallel_for(options.folds, 1 << 20, [&](dim_t f) {
    LassoPath path = lasso_cox(*folds[f].training, columns, fold_options);
    if (path.steps.empty()) path.steps.emplace_back();  // ran out of passes at once: judged by no column at all
    folds[f].deviance = minus_twice_loglik(design, path);
    const std::vector<double> training = minus_twice_loglik(*folds[f].training, path);
    for (std::size_t s = 0; s < training.size(); ++s) folds[f].deviance[s] -= training[s];
    // A fold that ran out of passes repeats its last step.
    while (folds[f].deviance.size() < fold_options.lambda.size()) folds[f].deviance.push_back(folds[f].deviance.back());
  });
  summarize(folds, cv);
  return cv;
}

}  // namespace engram::survival
