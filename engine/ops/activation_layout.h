#pragma once
/// Activations in the physical form that a kernel needs. Internal to engine/ops. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// `x` checked to be f32 [N,C,H,W], dense in its own layout, without history. Throws DTypeError or ShapeError naming
/// `op`.
Tensor dense_activation(const char* op, const Tensor& x);
/// `x` in `layout`, dense, without history: for gradients that must match a saved index.
Tensor in_layout(const Tensor& x, Layout layout);

}  // namespace engram
