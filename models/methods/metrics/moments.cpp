#include "models/methods/metrics/moments.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/parallel.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram {
namespace {

/// Parts whose sums are added in order; also the most threads that work at a time.
constexpr dim_t kParts = 8;
constexpr dim_t kPanelRows = 256;

/// The mean of all rows, about which the sums are taken: any point near them would do.
std::vector<double> plain_mean(const FeatureMatrix& f) {
  std::vector<double> mean(std::size_t(f.columns), 0.);
  for (dim_t i = 0; i < f.rows; ++i)
    for (dim_t j = 0; j < f.columns; ++j) mean[std::size_t(j)] += f.row(i)[j];
  for (double& m : mean) m /= double(f.rows);
  return mean;
}

/// Weighted sums of (x - center) and of its outer products.
struct Sums {
  std::vector<double> first, second;  // [stride], [stride, stride]
};

Sums sums_of(const FeatureMatrix& f, std::span<const double> weights, const std::vector<double>& center, dim_t begin,
             dim_t end) {
  const dim_t stride = kernels::panel_stride(f.columns);
  Sums sums{std::vector<double>(std::size_t(stride), 0.), std::vector<double>(std::size_t(stride * stride), 0.)};
  std::vector<double> panel(std::size_t(kPanelRows * stride), 0.), weight(std::size_t(kPanelRows), 1.);
  for (dim_t first = begin; first < end; first += kPanelRows) {
    const dim_t rows = std::min(kPanelRows, end - first);
    for (dim_t i = 0; i < rows; ++i) {
      if (!weights.empty()) weight[std::size_t(i)] = weights[std::size_t(first + i)];
      for (dim_t j = 0; j < f.columns; ++j) {
        const double centered = f.row(first + i)[j] - center[std::size_t(j)];
        panel[std::size_t(i * stride + j)] = centered;
        sums.first[std::size_t(j)] += weight[std::size_t(i)] * centered;
      }
    }
    kernels::kCpuWeightedGram.gram({}, {.panel = panel.data(),
                                        .rows = rows,
                                        .stride = stride,
                                        .weight = weight.data(),
                                        .out = sums.second.data(),
                                        .accumulate = true,
                                        .mirror = end - first <= kPanelRows});
  }
  return sums;
}

double total_weight(const FeatureMatrix& f, std::span<const double> weights) {
  if (weights.empty()) return double(f.rows);
  if (dim_t(weights.size()) != f.rows)
    throw ShapeError(message("[moments] expected ", f.rows, " weights (one a row), got ", weights.size()));
  return std::accumulate(weights.begin(), weights.end(), 0.);
}

}  // namespace

Moments moments(const FeatureMatrix& f, std::span<const double> weights) {
  check_features("moments", f);
  const double count = total_weight(f, weights);
  if (count < 2) throw DataError(message("[moments] expected at least 2 images, got ", count));
  const std::vector<double> center = plain_mean(f);
  std::vector<Sums> parts{std::size_t(kParts)};
  kernels::parallel_items(kParts, [&](dim_t part, int) {
    parts[std::size_t(part)] = sums_of(f, weights, center, f.rows * part / kParts, f.rows * (part + 1) / kParts);
  });
  const dim_t n = f.columns, stride = kernels::panel_stride(n);
  std::vector<double> first(std::size_t(n), 0.);
  for (const Sums& part : parts)
    for (dim_t j = 0; j < n; ++j) first[std::size_t(j)] += part.first[std::size_t(j)];
  Moments result{.size = n, .count = count, .mean = center, .covariance = std::vector<double>(std::size_t(n * n), 0.)};
  for (dim_t i = 0; i < n; ++i) {
    result.mean[std::size_t(i)] += first[std::size_t(i)] / count;
    for (dim_t j = 0; j < n; ++j) {
      double sum = -first[std::size_t(i)] * first[std::size_t(j)] / count;
      for (const Sums& part : parts) sum += part.second[std::size_t(i * stride + j)];
      result.covariance[std::size_t(i * n + j)] = sum / (count - 1);
    }
  }
  return result;
}

}  // namespace engram
