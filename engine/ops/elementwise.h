#pragma once
/// Elementwise operations on f32 tensors. All are differentiable to any order; results do not depend on the thread
/// count. Binary operations broadcast by the usual rule (see broadcast_shapes) and throw ShapeError otherwise. A result
/// of operands in the blocked layout with equal shapes is blocked, any other is dense row-major.
/// Threads: as engine/tensor.h says.
#include "engine/tensor.h"

namespace engram {

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
/// a^b; the gradient to b needs a > 0.
Tensor pow(const Tensor& a, const Tensor& b);
/// The larger operand; at a tie the gradient goes to b.
Tensor maximum(const Tensor& a, const Tensor& b);
/// The smaller operand; at a tie the gradient goes to b.
Tensor minimum(const Tensor& a, const Tensor& b);
/// 1 where a > b, else 0. No gradient.
Tensor greater(const Tensor& a, const Tensor& b);
/// 1 where a == b, else 0. No gradient.
Tensor equal(const Tensor& a, const Tensor& b);
/// x > 0 ? g : slope * g: what a (leaky) ReLU with input x does to a gradient. Differentiable in g, constant in x.
Tensor step_mul(const Tensor& x, const Tensor& g, float slope = 0);

Tensor add(const Tensor& x, float value);
Tensor mul(const Tensor& x, float value);
Tensor pow(const Tensor& x, float exponent);
Tensor neg(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
/// max(x, 0); the gradient at 0 is 0, NaN stays NaN.
Tensor relu(const Tensor& x);
/// x > 0 ? x : slope * x.
Tensor leaky_relu(const Tensor& x, float slope);
/// The gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// -1, 0 or 1. No gradient.
Tensor sign(const Tensor& x);
/// x limited to [low, high]; the gradient is 1 on the closed interval, else 0.
Tensor clamp(const Tensor& x, float low, float high);
Tensor square(const Tensor& x);

/// a += b for equal shapes and dense operands of one layout; nothing is recorded. For optimisers and the engine.
void add_in_place(const Tensor& a, const Tensor& b);

/// Conversion to another element type; not recorded. See kernels::ConvertArgs for rounding.
Tensor convert(const Tensor& x, DType dtype);

inline Tensor operator+(const Tensor& a, const Tensor& b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, const Tensor& b) {
  return sub(a, b);
}
inline Tensor operator*(const Tensor& a, const Tensor& b) {
  return mul(a, b);
}
inline Tensor operator/(const Tensor& a, const Tensor& b) {
  return div(a, b);
}
inline Tensor operator+(const Tensor& a, float b) {
  return add(a, b);
}
inline Tensor operator-(const Tensor& a, float b) {
  return add(a, -b);
}
inline Tensor operator*(const Tensor& a, float b) {
  return mul(a, b);
}
inline Tensor operator/(const Tensor& a, float b) {
  return mul(a, 1.f / b);
}
inline Tensor operator*(float a, const Tensor& b) {
  return mul(b, a);
}
inline Tensor operator+(float a, const Tensor& b) {
  return add(b, a);
}
inline Tensor operator-(float a, const Tensor& b) {
  return add(neg(b), a);
}
inline Tensor operator-(const Tensor& a) {
  return neg(a);
}

}  // namespace engram
