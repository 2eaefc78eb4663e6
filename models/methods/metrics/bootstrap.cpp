#include "models/methods/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/random.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

void check_plan(dim_t count, const BootstrapPlan& plan) {
  if (plan.resamples < 2) throw UsageError(message("[bootstrap] expected at least 2 resamples, got ", plan.resamples));
  if (count < 1) throw DataError("[bootstrap] expected at least 1 image, got none");
}

/// The quantile of sorted values, with linear interpolation.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * double(sorted.size() - 1);
  const auto below = std::size_t(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

Interval quantiles(std::vector<double> values, double shift) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.025) + shift, quantile(values, 0.975) + shift};
}

}  // namespace

std::vector<double> resample_counts(dim_t count, std::uint64_t seed, int resample) {
  Generator draws = Generator(seed).split(std::uint64_t(resample));
  std::vector<double> counts(std::size_t(count), 0.);
  for (dim_t i = 0; i < count; ++i) ++counts[std::size_t(draws.integer(0, std::int32_t(count)))];
  return counts;
}

Interval bootstrap_mean(const std::vector<double>& values, const BootstrapPlan& plan) {
  check_plan(dim_t(values.size()), plan);
  std::vector<double> means;
  for (int r = 0; r < plan.resamples; ++r) {
    const std::vector<double> counts = resample_counts(dim_t(values.size()), plan.seed, r);
    means.push_back(std::inner_product(values.begin(), values.end(), counts.begin(), 0.) / double(values.size()));
  }
  return quantiles(std::move(means), 0);
}

Interval bootstrap_statistic(double value, dim_t count, const BootstrapPlan& plan,
                             const std::function<double(const std::vector<double>&)>& statistic) {
  check_plan(count, plan);
  std::vector<double> values;
  for (int r = 0; r < plan.resamples; ++r) values.push_back(statistic(resample_counts(count, plan.seed, r)));
  const double mean = std::accumulate(values.begin(), values.end(), 0.) / double(values.size());
  return quantiles(std::move(values), value - mean);
}

}  // namespace engram
