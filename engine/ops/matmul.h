#pragma once
/// Matrix products, f32. Differentiable to any order. On the CPU the last bits may depend on the thread count (oneDNN).
/// Threads: as engine/tensor.h says.
#include "engine/tensor.h"

namespace engram {

/// op(a) op(b) of two matrices, op = transpose where marked. [m,k] x [k,n] -> [m,n]. Throws ShapeError.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
/// The same for every index of the first axis: [s,m,k] x [s,k,n] -> [s,m,n].
Tensor batched_matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);
/// x w^T + bias: x [n,in], w [out,in], bias [out] or undefined.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace engram
