#pragma once
/// Distances between the distributions of two samples of features.

#include "engine/tensor.h"

namespace engram {

/// CORAL as DomainBed has it: |mean x - mean y|^2 / D + |cov x - cov y|_F^2 / D^2 of rows [n,D] and [m,D], covariances
/// divided by the number of rows less 1. A scalar. Throws ShapeError for fewer than two rows.
Tensor coral_distance(const Tensor& x, const Tensor& y);

/// Maximum mean discrepancy: mean K(x,x) + mean K(y,y) - 2 mean K(x,y), K = sum of exp(-gamma |a - b|^2) over gamma =
/// 1e-3, 1e-2, ..., 1e3, diagonals included. A scalar. Distances are sums of squared differences, which keep the digits
/// that a^2 + b^2 - 2 a b loses between near points; needs n m D values of memory.
Tensor mmd_distance(const Tensor& x, const Tensor& y);

}  // namespace engram
