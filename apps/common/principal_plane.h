#pragma once
/// Features of many images as points of a plane, for pictures.

#include <span>
#include <vector>

#include "kernels/common/types.h"

namespace engram::apps {

/// A point of the picture.
struct PlanePoint {
  double x = 0, y = 0;
};

/// The plane of the two directions in which rows of numbers vary most (principal component analysis).
class PrincipalPlane {
 public:
  /// Of `rows` x `width` values, at least 2 rows. Directions are found by orthogonal iteration from fixed ones, so the
  /// same rows give the same plane; the largest component of each is positive. Throws UsageError for other extents.
  PrincipalPlane(std::span<const float> rows, dim_t width);

  /// Where rows of that width lie in it.
  std::vector<PlanePoint> points(std::span<const float> rows) const;
  /// Shares of the rows' variance along the two directions.
  double first_share() const { return shares_[0]; }
  double second_share() const { return shares_[1]; }

 private:
  dim_t width_;
  std::vector<double> mean_;
  std::vector<double> axes_[2];
  double shares_[2] = {0, 0};
};

}  // namespace engram::apps
