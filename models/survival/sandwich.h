#pragma once
/// The robust (sandwich) variance of a fit from its score residuals (Lin and Wei 1989).

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/common/types.h"

namespace engram::survival {

/// How the robust variance sums score residuals.
struct RobustOptions {
  bool enabled = false;
  std::vector<std::int32_t> cluster =
      {};  ///< one label a patient, in the outcome's order; empty: every row its own cluster
};

/// V (sum over clusters of s_c s_c') V, row-major [k, k]: s_c is the sum of the cluster's rows of `residuals` [rows, k]
/// (weighted score residuals, in the outcome's order), V the inverse information `covariance` [k, k]. Throws ShapeError
/// for clusters of the wrong length.
std::vector<double> sandwich(std::span<const double> residuals, std::span<const double> covariance,
                             const std::vector<std::int32_t>& cluster);

}  // namespace engram::survival
