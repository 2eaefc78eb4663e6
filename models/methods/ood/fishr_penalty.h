#pragma once
/// Fishr (Rame et al. 2022): variances of the gradients to the last linear layer, in closed form.

#include <vector>

#include "engine/tensor.h"

namespace engram {

/// Which moment of the samples' gradients is compared.
enum class GradientMoment {
  kVariance,      ///< of each entry, divided by the number of samples
  kSecondMoment,  ///< the same without centring
  kCovariance     ///< of each two entries of the weight, and of the bias, divided by samples times entries
};

/// Moments of the gradients of each sample's cross entropy to a linear layer, g = (r z^T, r), as one vector [1,M]:
/// those of the weight, then those of the bias. `residuals` [N,C] are the gradients to its outputs, `features` [N,D]
/// its inputs. Differentiable in both; no second derivative is needed.
Tensor gradient_moments(const Tensor& residuals, const Tensor& features, GradientMoment moment);

/// sum over environments of |v_e - mean v|^2; divided by environments and by entries unless `sums`.
Tensor moment_distance(const std::vector<Tensor>& moments, bool sums);

}  // namespace engram
