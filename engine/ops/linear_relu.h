#pragma once
/// A linear layer with its ReLU in one operation. Threads: as engine/tensor.h says.
#include "engine/tensor.h"

namespace engram {

/// relu(x w^T + bias) for x [n,in], w [out,in], bias [out], all f32: the values of relu(linear(x, w, bias)). On the CPU
/// long inputs are taken in blocks of rows that stay in the cache between product, bias, ReLU and the products of the
/// backward pass, so that these cost no passes over the memory. Differentiable to any order. As linear, the last bits
/// may depend on the thread count. Throws ShapeError, DTypeError.
Tensor linear_relu(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace engram
