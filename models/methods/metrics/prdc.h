#pragma once
/// Precision, recall, density and coverage (docs/methods/metrics.md, "Precision, recall, density, coverage").

#include "engine/device.h"
#include "models/methods/metrics/features.h"

namespace engram {

/// What belongs to each image, from which the four shares follow.
struct Prdc {
  dim_t neighbors = 0;                 ///< k
  std::vector<double> real_radii;      ///< distance to the k-th nearest other real image
  std::vector<double> fake_radii;      ///< the same among the fakes
  std::vector<std::int32_t> balls;     ///< of each fake: in how many real balls it lies
  std::vector<std::uint8_t> covered;   ///< of each real: whether a fake lies in its ball
  std::vector<std::uint8_t> recalled;  ///< of each real: whether it lies in a fake ball

  double precision() const;  ///< share of fakes in some real ball
  double recall() const;     ///< share of reals in some fake ball
  double density() const;    ///< real balls a fake, over k
  double coverage() const;   ///< share of reals with a fake in their ball
};

/// Balls are open: a point at the radius is outside. Counts are those of distances in double precision, exactly. Throws
/// UsageError unless k >= 1 and both sets have at least k + 2 vectors (as the reference needs), ShapeError for vectors
/// of different lengths, DataError for values that are not finite.
Prdc precision_recall(const FeatureMatrix& real, const FeatureMatrix& fake, dim_t k, const Device& device = {});

}  // namespace engram
