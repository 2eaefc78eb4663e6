/// A fused operation with its kernel: y = x sigmoid(x) ("SiLU") in one pass over memory forward and one backward, where
/// a chain of operations takes several. For derivatives of higher order it falls back on that chain.
///
///   fused_operation
///
/// compares values, first and second derivatives with the chain; ends with 0 when they agree.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "engram/engram.h"

namespace {

using engram::dim_t;
using engram::Tensor;

// The kernels: raw pointers and extents, no tensors. Work is split by the problem, never by the number of threads, so
// results do not depend on it.
constexpr dim_t kChunk = 4096;

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

/// y = x sigmoid(x)
void silu_forward(const float* x, float* y, dim_t count) {
  engram::kernels::parallel_chunks(count, kChunk, [=](dim_t begin, dim_t end, dim_t) {
    for (dim_t i = begin; i < end; ++i) y[i] = x[i] * sigmoid(x[i]);
  });
}

/// grad_x = grad_y s (1 + x (1 - s)), s = sigmoid(x)
void silu_backward(const float* x, const float* grad_y, float* grad_x, dim_t count) {
  engram::kernels::parallel_chunks(count, kChunk, [=](dim_t begin, dim_t end, dim_t) {
    for (dim_t i = begin; i < end; ++i) {
      const float s = sigmoid(x[i]);
      grad_x[i] = grad_y[i] * s * (1 + x[i] * (1 - s));
    }
  });
}

/// The same in recorded operations: what the fused one is tested against, and its way to derivatives of any order.
Tensor silu_composite(const Tensor& x) {
  return x * engram::sigmoid(x);
}

/// Bytes that a pass must move, for the profiler.
engram::Cost cost_of(dim_t count, int reads) {
  return {.bytes_read = 4 * reads * count, .bytes_written = 4 * count, .flops = 5 * count};
}

Tensor silu_gradient(const Tensor& x, const Tensor& grad_y) {
  Tensor grad_x = Tensor::empty(x.shape());
  const engram::OpScope scope("silu_backward", cost_of(x.numel(), 2));
  silu_backward(x.data<float>(), grad_y.data<float>(), grad_x.data<float>(), x.numel());
  return grad_x;
}

/// The operation, on CPU tensors of f32: checks, allocates, calls the kernel, records its gradient.
Tensor silu(const Tensor& input) {
  if (!input.device().is_cpu()) throw engram::DeviceError("[silu] expected a CPU tensor, got " + input.describe());
  const Tensor x = input.contiguous();
  Tensor y = Tensor::empty(x.shape());
  {
    const engram::OpScope scope("silu", cost_of(x.numel(), 1));
    silu_forward(x.data<float>(), y.data<float>(), x.numel());
  }
  engram::record_fused(
      "silu", {x}, {&y},
      [](engram::BackwardContext& context, const std::vector<Tensor>& inputs) {
        return std::vector{silu_gradient(inputs[0], context.grad().contiguous())};
      },
      [](const std::vector<Tensor>& inputs) { return std::vector{silu_composite(inputs[0])}; });
  return y;
}

/// Value, first and second derivative of the sum of an operation's result.
std::vector<Tensor> derivatives(Tensor (*operation)(const Tensor&), const std::vector<float>& values) {
  Tensor x = Tensor::from(values, {dim_t(values.size())});
  x.set_requires_grad();
  const Tensor y = operation(x);
  // Twice: once through the fused backward pass, once through one that can be differentiated.
  const Tensor fused = engram::grad({engram::sum(operation(x))}, {x})[0];
  const Tensor first = engram::grad({engram::sum(y)}, {x}, {.create_graph = true})[0];
  return {y, fused, first, engram::grad({engram::sum(engram::square(first))}, {x})[0]};
}

}  // namespace

int main() {
  engram::Generator random(3);
  const std::vector<float> values = engram::normal({10007}, random, 0, 3).to_vector();
  const auto fused = derivatives(silu, values), chain = derivatives(silu_composite, values);
  bool agree = true;
  for (std::size_t k = 0; k < fused.size(); ++k) {
    const std::vector<float> a = fused[k].to_vector(), b = chain[k].to_vector();
    float worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]) / (1 + std::abs(b[i])));
    static const char* kNames[] = {"values", "first derivative, fused", "first derivative, recorded",
                                   "second derivative"};
    std::printf("%-27s largest deviation %.1e\n", kNames[k], double(worst));
    agree = agree && worst < 1e-5f;
  }
  return agree ? 0 : 1;
}
