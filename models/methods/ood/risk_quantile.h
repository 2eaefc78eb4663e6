#pragma once
/// The quantile of risks of EQRM (Eastwood et al. 2022).

#include "engine/tensor.h"

namespace engram {

/// How the quantile is differentiated.
enum class QuantileGradient {
  kReleased,  ///< through the two end points of the bisection, as autograd sees the released program
  kImplicit   ///< of the equation that defines it
};

/// The `quantile` of a Gaussian kernel density estimate over risks [E] of bandwidth 1.06 std E^(-1/5) (std unbiased): x
/// with mean Phi((x - R_e) / h) = quantile. A negative `quantile` stands for log(1 - quantile): mean R + h sqrt(-2
/// quantile). A scalar, differentiable once. Throws UsageError for fewer than two risks and for a quantile of 0 or of 1
/// or more. Risks that are all equal give NaN: they have no density.
Tensor risk_quantile(const Tensor& risks, double quantile, QuantileGradient gradient);

/// 1.06 std E^(-1/5).
Tensor risk_bandwidth(const Tensor& risks);

}  // namespace engram
