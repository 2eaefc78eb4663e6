#pragma once
/// What the residuals of two linear heads give in closed form: their losses, the angle between the gradients of the
/// losses to the features below, and features moved along one of them (Bai et al. 2021, DecAug;
/// kernels/residual_cosine has the formulas). All f32. Results do not depend on the thread count. Threads: as
/// engine/tensor.h says.
#include "engine/tensor.h"

namespace engram {

/// Of a head with logits o and one-hot targets t.
struct HeadResidual {
  Tensor losses;    ///< [n]
  Tensor residual;  ///< [n,c], softmax(o) - t; a constant
};
/// Cross entropy of each row of logits [n,c], or with `twice` of their softmax taken for logits, and the residual.
/// Targets [n,c] are constants. Losses are differentiable to any order. Throws ShapeError, DTypeError.
HeadResidual head_residual(const Tensor& logits, const Tensor& targets, bool twice = false);

/// One of two heads on the same features.
struct ResidualSide {
  Tensor logits;    ///< [n,c]; without history, nothing below the head learns from the angle
  Tensor targets;   ///< [n,c], one-hot
  Tensor residual;  ///< head_residual of the two
};
/// The Gram matrices M1 M1^T, M2 M2^T and M1 M2^T of the maps from features to logits.
struct HeadGrams {
  Tensor own1, own2, cross;
};
struct ResidualCosine {
  Tensor cosine;        ///< [n]; differentiable to any order in Gram matrices and logits
  Tensor norm1, norm2;  ///< [n] of the gradients; constants
};
/// g1.g2 / ((|g1| + eps) (|g2| + eps)) with g = M^T residual, for each row. Throws ShapeError, DTypeError.
ResidualCosine residual_cosine(const ResidualSide& side1, const ResidualSide& side2, const HeadGrams& grams, float eps);

/// [a1, a2 + alpha length t / (|t| + eps)] [n, 2 width] with t = residual weight, a constant: a1, a2 [n,width],
/// residual [n,c], weight [c,width], alpha of one element or [n,1]. Differentiable to any order in a1 and a2. Throws
/// ShapeError, DTypeError.
Tensor shifted_concat(const Tensor& a1, const Tensor& a2, const Tensor& residual, const Tensor& weight,
                      const Tensor& alpha, float length, float eps);

}  // namespace engram
