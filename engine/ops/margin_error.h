#pragma once
/// Squared error against a teacher behind a margin ReLU, fused. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// factor * sum over all elements of (student - t')^2 [student > t' or t' > 0], t' = max(teacher, margin of the
/// channel): the partial L2 distance of overhaul distillation (Heo et al. 2019), which lets elements be that both
/// networks hold shut. student, teacher [n,c,h,w] in any layout, margin [c]; a scalar. Teacher and margin are
/// constants. Differentiable to any order in the student; the mask is not differentiated. Independent of the thread
/// count. Throws ShapeError, DTypeError.
Tensor margin_error(const Tensor& student, const Tensor& teacher, const Tensor& margin, float factor = 1);

}  // namespace engram
