#pragma once
/// The image end of a synthesiser: roll, flip, tanh and channel scale. f32 [N,C,H,W] images, planar results;
/// differentiable to any order. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Roll and flip parameters as a tensor (i32 [3]: dy, dx, flip), so that they live where the kernels read them.
Tensor make_jitter(int dy, int dx, bool flip, Device device = {});

/// Circular shift by dy rows down and dx columns right, then, with flip, mirrored left to right. `inverse` undoes it,
/// which is also its adjoint. x is [N,C,H,W]; throws ShapeError.
Tensor roll_flip(const Tensor& x, const Tensor& jitter, bool inverse = false);
Tensor roll_flip(const Tensor& x, int dy, int dx, bool flip);

/// roll_flip(alpha tanh(p)) in one pass, and one for the gradients. alpha is [N,C] or [N,C,1,1]. Throws ShapeError.
Tensor channel_scale(const Tensor& p, const Tensor& alpha, const Tensor& jitter);

}  // namespace engram
