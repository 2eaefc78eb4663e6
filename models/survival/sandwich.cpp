#include "models/survival/sandwich.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram::survival {

std::vector<double> sandwich(std::span<const double> residuals, std::span<const double> covariance,
                             const std::vector<std::int32_t>& cluster) {
  if (covariance.empty()) return {};
  const dim_t k = std::lround(std::sqrt(double(covariance.size()))), rows = dim_t(residuals.size()) / k;
  if (!cluster.empty() && dim_t(cluster.size()) != rows) {
    throw ShapeError(message("[robust] expected ", rows, " cluster labels (one a patient), got ", cluster.size()));
  }
  std::vector<std::int32_t> labels(cluster.begin(), cluster.end());
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  const dim_t num_clusters = cluster.empty() ? rows : dim_t(labels.size());
  std::vector<double> sums(std::size_t(num_clusters * k), 0.), influence(sums.size());
  for (dim_t i = 0; i < rows; ++i) {
    const dim_t c = cluster.empty() ? i : std::lower_bound(labels.begin(), labels.end(), cluster[i]) - labels.begin();
    for (dim_t j = 0; j < k; ++j) sums[c * k + j] += residuals[i * k + j];
  }
  for (dim_t c = 0; c < num_clusters; ++c)
    for (dim_t a = 0; a < k; ++a)
      for (dim_t b = 0; b < k; ++b) influence[c * k + a] += sums[c * k + b] * covariance[b * k + a];
  std::vector<double> variance(std::size_t(k * k), 0.);
  for (dim_t c = 0; c < num_clusters; ++c)
    for (dim_t a = 0; a < k; ++a)
      for (dim_t b = 0; b < k; ++b) variance[a * k + b] += influence[c * k + a] * influence[c * k + b];
  return variance;
}

}  // namespace engram::survival
