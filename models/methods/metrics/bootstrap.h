#pragma once
/// Intervals by resampling images (docs/methods/metrics.md, "Intervals").

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// A 95 % interval.
struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

struct BootstrapPlan {
  int resamples = 200;
  std::uint64_t seed = 1;
};

/// How often each of `count` images is drawn in resample number `resample`: `count` draws with replacement, a function
/// of the arguments.
std::vector<double> resample_counts(dim_t count, std::uint64_t seed, int resample);

/// Of the mean of one number an image: the 2.5 % and 97.5 % quantiles of the resampled means. Throws UsageError for
/// fewer than 2 resamples, DataError without images.
Interval bootstrap_mean(const std::vector<double>& values, const BootstrapPlan& plan);

/// Of any statistic of weighted images, whose value is `value`: the same quantiles of the resampled values, moved so
/// that their mean is `value`. Images that come twice make a set look narrower than it is and so shift a distance
/// between distributions, but not its spread. `statistic` is called with the counts of each resample.
Interval bootstrap_statistic(double value, dim_t count, const BootstrapPlan& plan,
                             const std::function<double(const std::vector<double>& counts)>& statistic);

}  // namespace engram
