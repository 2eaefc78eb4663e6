#include "models/survival/support.h"

#include <algorithm>

#include "kernels/dense_solve/dense_solve.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::survival {
namespace {

/// Weights of the patients, 0 for those who leave before the first death of their stratum.
std::vector<double> weights_at_risk(const SurvivalDesign& design) {
  std::vector<double> weights(std::size_t(design.rows()), 0.);
  const kernels::CoxRiskSets& sets = design.risk_sets();
  for (dim_t k = 0; k < sets.num_groups; ++k) {
    for (dim_t i = sets.groups[k].stratum_begin; i < sets.groups[k].risk_end; ++i) weights[i] = design.weight()[i];
  }
  return weights;
}

/// The column less its weighted mean within each stratum.
std::vector<double> centered(const SurvivalDesign& design, dim_t column, const std::vector<double>& weights) {
  const double* x = design.standardized(column);
  const auto strata = std::size_t(design.num_strata());
  std::vector<double> sums(strata, 0.), totals(strata, 0.), result(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sums[design.stratum()[i]] += weights[i] * x[i];
    totals[design.stratum()[i]] += weights[i];
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto s = std::size_t(design.stratum()[i]);
    result[i] = totals[s] > 0 ? x[i] - sums[s] / totals[s] : 0;
  }
  return result;
}

/// The columns side by side, and the inverse of their weighted Gram matrix.
struct Regression {
  dim_t rows, n, stride;
  std::vector<double> panel, gram, magnitude, factor, inverse;
  std::vector<std::uint8_t> dropped;

  Regression(const std::vector<std::vector<double>>& columns, const std::vector<double>& weights,
             std::span<const std::uint8_t> aliased)
      : rows(dim_t(weights.size())),
        n(dim_t(columns.size())),
        stride(kernels::panel_stride(n)),
        panel(std::size_t(rows * stride)),
        gram(std::size_t(stride * stride)),
        magnitude(std::size_t(stride), 0.),
        factor(gram.size()),
        inverse(gram.size()),
        dropped(std::size_t(stride), 0) {
    std::vector<const double*> sources;
    for (const auto& column : columns) sources.push_back(column.data());
    kernels::kCpuWeightedGram.pack_columns(
        {}, {.columns = sources.data(), .num_columns = n, .rows = rows, .stride = stride, .panel = panel.data()});
    kernels::kCpuWeightedGram.gram({}, {.panel = panel.data(),
                                        .rows = rows,
                                        .stride = stride,
                                        .weight = weights.data(),
                                        .out = gram.data(),
                                        .accumulate = false,
                                        .mirror = true});
    for (dim_t j = 0; j < n; ++j) magnitude[j] = gram[j * stride + j];
    std::copy(aliased.begin(), aliased.end(), dropped.begin());
    kernels::kCpuDenseSolve.cholesky({}, {.a = gram.data(),
                                          .n = n,
                                          .stride = stride,
                                          .magnitude = magnitude.data(),
                                          .tolerance = 1e-13,
                                          .factor = factor.data(),
                                          .aliased = dropped.data(),
                                          .num_aliased = nullptr});
    kernels::kCpuDenseSolve.inverse(
        {}, {.factor = factor.data(), .n = n, .stride = stride, .aliased = dropped.data(), .inverse = inverse.data()});
  }

  /// Residual of column j on the others at row i, up to a factor of the column.
  double residual(dim_t i, dim_t j) const {
    double sum = 0;
    for (dim_t k = 0; k < n; ++k) sum += panel[i * stride + k] * inverse[j * stride + k];
    return sum;
  }
};

}  // namespace

std::vector<double> supporting_patients(const SurvivalDesign& design, std::span<const dim_t> columns,
                                        std::span<const std::uint8_t> aliased) {
  std::vector<double> support(columns.size(), 0.);
  if (columns.empty()) return support;
  const std::vector<double> weights = weights_at_risk(design);
  std::vector<std::vector<double>> residualized;
  for (dim_t column : columns) residualized.push_back(centered(design, column, weights));
  const Regression regression(residualized, weights, aliased);
  for (dim_t j = 0; j < regression.n; ++j) {
    if (regression.dropped[j]) continue;
    double sum = 0, squares = 0;
    for (dim_t i = 0; i < regression.rows; ++i) {
      const double r = regression.residual(i, j), part = weights[i] * r * r;
      sum += part;
      squares += part * part;
    }
    if (squares > 0) support[j] = sum * sum / squares;
  }
  return support;
}

}  // namespace engram::survival
