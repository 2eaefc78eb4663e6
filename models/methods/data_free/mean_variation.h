#pragma once
/// Total variation as the CMI repository's DeepInversion has it (docs/methods/data_free.md).

#include "engine/tensor.h"

namespace engram {

/// Sum of the mean magnitudes of the differences of x [N,C,H,W] to the right, lower, lower left and lower right
/// neighbours; each mean is over the pairs that exist. A scalar. Throws ShapeError for fewer than 2 rows or columns.
Tensor mean_variation(const Tensor& x);

}  // namespace engram
