#pragma once
/// Priors of image synthesis over a whole batch. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Two scalars over all of x [N,C,H,W].
struct ImagePrior {
  Tensor tv;  ///< sum of the Frobenius norms of the differences to the right, lower, lower left and lower right
              ///< neighbours (DeepInversion)
  Tensor l2;  ///< Euclidean norm of x
};

/// Both priors in one pass, and their gradients in one. A norm of 0 has gradient 0. Differentiable to any order. Throws
/// ShapeError.
ImagePrior image_prior(const Tensor& x);

}  // namespace engram
