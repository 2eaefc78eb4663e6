#include "models/survival/standardized_columns.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"

namespace engram::survival {

namespace {

/// Bounds between which the square of a value, and of one over a spread, are doubles with room for sums and errors.
constexpr double kLargestValue = 1e100, kSmallestSpread = 1e-100;

void check_sizes(const std::string& name, double low, double high) {
  const double largest = std::max(std::abs(low), std::abs(high));
  if (!(largest <= kLargestValue))
    throw DataError(
        message("[survival] expected values of ", name, " up to 1e100, got ", largest, "; hint: take another unit"));
  if (low != high && high - low < kSmallestSpread)
    throw DataError(message("[survival] expected values of ", name, " that differ by 1e-100 or more, got ", low, " to ",
                            high, "; hint: take another unit"));
}

}  // namespace

StandardizedColumns::StandardizedColumns(const CovariateMatrix& covariates, std::span<const dim_t> order,
                                         std::span<const double> weight)
    : rows_(covariates.rows()) {
  const dim_t columns = covariates.columns();
  values_.assign(std::size_t(columns * rows_), 0.);
  mean_.resize(std::size_t(columns));
  scale_.assign(std::size_t(columns), 1.);
  span_.assign(std::size_t(columns), 0.);
  indicator_.resize(std::size_t(columns));
  for (dim_t j = 0; j < columns; ++j) {
    const std::span<const double> all = covariates.column(j);
    indicator_[j] = std::all_of(all.begin(), all.end(), [](double v) { return v == -1 || v == 0 || v == 1; });
    std::vector<double> x;
    for (dim_t i = 0; i < rows_; ++i)
      if (weight.empty() || weight[i] != 0) x.push_back(all[i]);
    if (x.empty()) continue;
    const auto [low, high] = std::minmax_element(x.begin(), x.end());
    check_sizes(covariates.names()[j], *low, *high);
    mean_[j] = *low;
    if (*low == *high) continue;
    const double range = *high - *low;
    const double mean = std::accumulate(x.begin(), x.end(), 0.) / double(x.size());
    // Relative to the range, so that no square overflows or vanishes.
    double squares = 0;
    for (double v : x) squares += (v - mean) / range * ((v - mean) / range);
    mean_[j] = mean;
    scale_[j] = range * std::sqrt(squares / double(x.size()));
    span_[j] = range / scale_[j];
    double* out = values_.data() + j * rows_;
    for (dim_t i = 0; i < rows_; ++i) out[i] = (all[order.empty() ? i : order[i]] - mean) / scale_[j];
  }
}

void covariance_to_covariate_units(std::span<const double> mean, std::span<const double> scale,
                                   std::span<double> covariance) {
  const std::size_t n = mean.size();
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) covariance[a * n + b] /= scale[a] * scale[b];
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t b = 0; b < n; ++b) covariance[b] -= mean[j] * covariance[j * n + b];
  for (std::size_t j = 1; j < n; ++j)
    for (std::size_t a = 0; a < n; ++a) covariance[a * n] -= mean[j] * covariance[a * n + j];
}

}  // namespace engram::survival
