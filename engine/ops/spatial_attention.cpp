#include "engine/ops/spatial_attention.h"

#include <limits>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/activation_layout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/attention_map/attention_map.h"

namespace engram {
namespace {

/// The map in recorded operations.
Tensor recorded_map(const Tensor& x, int power, float eps) {
  const Tensor size = abs(x);
  Tensor strength = power == 2 ? square(x) : size;
  for (int i = 1; power != 2 && i < power; ++i) strength = mul(strength, size);
  const Tensor q = reshape(mean(strength, {1}), {x.dim(0), x.dim(2) * x.dim(3)});
  const Tensor squares = sum(square(q), {1}, true);
  return mul(q, pow(clamp(squares, eps * eps, std::numeric_limits<float>::infinity()), -0.5f));
}

Tensor map_gradient(const Tensor& x, const Tensor& map, const Tensor& norm, const Tensor& grad_map, int power,
                    float eps) {
  Tensor grad_x = Tensor::empty(x.shape(), DType::kF32, x.device(), x.layout());
  OpScope scope("spatial_attention_backward", kernels::attention_map_backward_cost(x.activation()));
  backend(x.device())
      .attention_map.backward(current_stream(x.device()), {.shape = x.activation(),
                                                           .x = x.data<float>(),
                                                           .map = map.data<float>(),
                                                           .norm = norm.data<float>(),
                                                           .grad_map = grad_map.data<float>(),
                                                           .power = power,
                                                           .eps = eps,
                                                           .grad_x = grad_x.data<float>()});
  return grad_x;
}

}  // namespace

Tensor spatial_attention(const Tensor& input, int power, float eps) {
  constexpr int kMostPower = 8;
  if (power < 1 || power > kMostPower || !(eps > 0))
    throw UsageError(message("[spatial_attention] expected a power from 1 to ", kMostPower, " and eps above 0, got ",
                             power, " and ", eps));
  const Tensor source = dense_activation("spatial_attention", input);
  const kernels::ActivationShape s = source.activation();
  if (s.c == 0 || s.pixels() == 0)
    throw ShapeError(message("[spatial_attention] expected at least one channel and pixel, got ", input.describe()));
  Tensor map = Tensor::empty({s.n, s.pixels()}, DType::kF32, input.device());
  const Tensor norm = Tensor::empty({s.n}, DType::kF32, input.device());
  {
    OpScope scope("spatial_attention", kernels::attention_map_forward_cost(s));
    backend(input.device())
        .attention_map.forward(current_stream(input.device()), {.shape = s,
                                                                .x = source.data<float>(),
                                                                .power = power,
                                                                .eps = eps,
                                                                .map = map.data<float>(),
                                                                .norm = norm.data<float>()});
  }
  record_fused(
      "spatial_attention", {input}, {&map},
      [u = Saved::output(map), norm, power, eps](BackwardContext& context, const auto& in) {
        return std::vector{map_gradient(dense_activation("spatial_attention", in[0]), context.get(u), norm,
                                        context.grad().contiguous(), power, eps)};
      },
      [power, eps](const auto& in) { return std::vector{recorded_map(in[0], power, eps)}; });
  return map;
}

}  // namespace engram
