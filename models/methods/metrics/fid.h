#pragma once
/// The Frechet distance between two sets of feature vectors (docs/methods/metrics.md, "FID").

#include "models/methods/metrics/moments.h"

namespace engram {

/// ||mean_a - mean_b||^2 + tr A + tr B - 2 tr (A B)^1/2 of Gaussians with covariances A and B, in its parts.
struct FrechetDistance {
  double value = 0;
  double mean_term = 0, trace_a = 0, trace_b = 0;
  double trace_root = 0;  ///< tr (A B)^1/2
};

/// A set to which others are compared: its covariance is factored once.
class FrechetReference {
 public:
  /// `ridge` is added to the diagonals of both covariances: pytorch-fid's remedy for singular ones is 1e-6. Throws
  /// DataError for moments that are not finite.
  explicit FrechetReference(Moments reference, double ridge = 0);

  /// tr (A B)^1/2 is the sum of the roots of the eigenvalues of R' B R with A = R R', negative ones (rounding) left
  /// out. Throws ShapeError for vectors of another length.
  FrechetDistance distance_to(const Moments& other) const;

 private:
  Moments reference_;
  double ridge_;
  dim_t rank_ = 0;
  std::vector<double> root_;  ///< R: [size, rank]
};

/// What pytorch-fid adds to the diagonals where the product of the covariances is singular.
inline constexpr double kFidRidge = 1e-6;

/// The same for a single pair.
FrechetDistance frechet_distance(const Moments& a, const Moments& b, double ridge = 0);

}  // namespace engram
