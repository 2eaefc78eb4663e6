#pragma once
/// Mean and covariance of feature vectors.

#include <span>

#include "models/methods/metrics/features.h"

namespace engram {

/// Of `count` vectors of `size` values.
struct Moments {
  dim_t size = 0;
  double count = 0;                ///< sum of the weights
  std::vector<double> mean;        ///< [size]
  std::vector<double> covariance;  ///< [size, size], divided by count - 1
};

/// Sums in double precision about the mean, in an order that the extents fix: the same bits at every thread count.
/// `weights`, one a row, say how often a row counts (a bootstrap's draws); empty: once each. Throws DataError unless
/// the weights add up to at least 2 and the features are finite; ShapeError for another number of weights.
Moments moments(const FeatureMatrix& features, std::span<const double> weights = {});

}  // namespace engram
