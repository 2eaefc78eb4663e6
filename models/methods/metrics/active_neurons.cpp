#include "models/methods/metrics/active_neurons.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "models/methods/metrics/symmetric_eigenvalues.h"

namespace engram {
namespace {

std::vector<double> channel_means(const ChannelValues& v) {
  std::vector<double> means(std::size_t(v.channels), 0.0);
  for (std::size_t i = 0; i < v.values.size(); ++i) means[i % means.size()] += v.values[i];
  for (double& mean : means) mean /= double(v.examples());
  return means;
}

/// The covariance [channels, channels]; only its lower triangle is filled.
std::vector<double> covariance(const ChannelValues& v) {
  const std::vector<double> means = channel_means(v);
  const dim_t c = v.channels;
  std::vector<double> sums(std::size_t(c * c), 0.0), centered(std::size_t(c), 0.0);
  for (dim_t n = 0; n < v.examples(); ++n) {
    for (dim_t i = 0; i < c; ++i) centered[i] = v.values[n * c + i] - means[i];
    for (dim_t i = 0; i < c; ++i)
      for (dim_t j = 0; j <= i; ++j) sums[i * c + j] += centered[i] * centered[j];
  }
  for (double& sum : sums) sum /= double(v.examples() - 1);
  return sums;
}

}  // namespace

ChannelValues ChannelValues::part(dim_t first, dim_t last) const {
  if (first < 0 || first >= last || last > channels)
    throw UsageError(
        message("[ChannelValues] expected a range of the ", channels, " channels, got [", first, ", ", last, ")"));
  ChannelValues result = {{}, last - first};
  for (dim_t n = 0; n < examples(); ++n)
    result.values.insert(result.values.end(), values.begin() + n * channels + first,
                         values.begin() + n * channels + last);
  return result;
}

dim_t active_channels(const ChannelValues& activations, double threshold) {
  if (activations.examples() < 1) throw ShapeError("[active_channels] expected at least one example, got none");
  if (!(threshold >= 0 && threshold < 1))
    throw UsageError(message("[active_channels] expected a threshold in [0, 1), got ", threshold));
  const std::vector<double> means = channel_means(activations);
  const double least = threshold * *std::max_element(means.begin(), means.end());
  return std::count_if(means.begin(), means.end(), [&](double mean) { return mean > least; });
}

ActiveDirections active_directions(const ChannelValues& values, double share) {
  if (values.examples() < 2)
    throw ShapeError(message("[active_directions] expected two or more examples, got ", values.examples()));
  if (!(share > 0 && share <= 1))
    throw UsageError(message("[active_directions] expected a share in (0, 1], got ", share));
  std::vector<double> eigenvalues = symmetric_eigenvalues(covariance(values), values.channels);
  double sum = 0, squares = 0;
  for (double& v : eigenvalues) {
    v = std::max(v, 0.0);  // rounding leaves small negative ones
    sum += v;
    squares += v * v;
  }
  ActiveDirections result;
  if (sum == 0) return result;
  double held = 0, entropy = 0;
  for (const double v : eigenvalues) {
    if (held < share * sum * (1 - 1e-12)) ++result.rank;
    held += v;
    if (v > 0) entropy -= v / sum * std::log(v / sum);
  }
  result.participation = sum * sum / squares;
  result.entropy_rank = std::exp(entropy);
  return result;
}

}  // namespace engram
