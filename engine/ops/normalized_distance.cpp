#include "engine/ops/normalized_distance.h"

#include <limits>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/factor_distance/factor_distance.h"

namespace engram {
namespace {

void check(const Tensor& a, const Tensor& target, int p, float eps) {
  if (!a.defined() || !target.defined())
    throw UsageError("[normalized_distance] expected two tensors, got an empty handle");
  if (a.dtype() != DType::kF32 || target.dtype() != DType::kF32)
    throw DTypeError(message("[normalized_distance] expected f32, got ", a.describe(), " and ", target.describe()));
  if (a.shape() != target.shape() || a.rank() == 0 || a.numel() == 0)
    throw ShapeError(
        message("[normalized_distance] expected equal shapes of rank 1 or more with at least one element, got ",
                a.describe(), " and ", target.describe()));
  if ((p != 1 && p != 2) || !(eps > 0))
    throw UsageError(message("[normalized_distance] expected p 1 or 2 and eps above 0, got ", p, " and ", eps));
  check_one_device("normalized_distance", {a, target});
}

/// Rows of length 1 in recorded operations.
Tensor unit_rows(const Tensor& x, float eps) {
  const Tensor squares = sum(square(x), {1}, true);
  return mul(x, pow(clamp(squares, eps * eps, std::numeric_limits<float>::infinity()), -0.5f));
}

/// The distance in recorded operations.
Tensor recorded_distance(const Tensor& a, const Tensor& target, int p, float eps) {
  const Tensor difference = sub(unit_rows(a, eps), unit_rows(target, eps));
  if (p == 1) return mean(abs(difference));
  const Tensor squares = mean(square(difference));
  // The root's slope at 0 is taken at 1 instead, where the factor before it is 0.
  const Tensor is_zero = equal(squares, Tensor::scalar(0, squares.device())).detach();
  return sub(sqrt(add(squares, is_zero)), is_zero);
}

Tensor distance_gradient(const Tensor& a, const Tensor& target, const Tensor& stats, const Tensor& loss,
                         const Tensor& grad, int p, float eps) {
  Tensor grad_a = Tensor::empty(a.shape(), DType::kF32, a.device());
  OpScope scope("normalized_distance_backward", kernels::factor_distance_backward_cost(a.dim(0), a.dim(1)));
  backend(a.device())
      .factor_distance.backward(current_stream(a.device()), {.a = a.data<float>(),
                                                             .b = target.data<float>(),
                                                             .row_stats = stats.data<float>(),
                                                             .loss = loss.data<float>(),
                                                             .grad = grad.data<float>(),
                                                             .rows = a.dim(0),
                                                             .width = a.dim(1),
                                                             .p = p,
                                                             .eps = eps,
                                                             .grad_a = grad_a.data<float>()});
  return grad_a;
}

}  // namespace

Tensor normalized_distance(const Tensor& input, const Tensor& given_target, int p, float eps) {
  check(input, given_target, p, eps);
  const dim_t rows = input.dim(0), width = input.numel() / rows;
  const Tensor a = reshape(input.contiguous(), {rows, width}),
               target = reshape(given_target.detach().contiguous(), {rows, width});
  const Device device = a.device();
  Tensor loss = Tensor::empty({}, DType::kF32, device);
  const Tensor stats = Tensor::empty({rows, kernels::kNumFactorStats}, DType::kF32, device);
  {
    const auto& family = backend(device).factor_distance;
    const Tensor workspace = Tensor::empty({dim_t(family.workspace_bytes(rows))}, DType::kU8, device);
    OpScope scope("normalized_distance", kernels::factor_distance_forward_cost(rows, width));
    family.forward(current_stream(device), {.a = a.data<float>(),
                                            .b = target.data<float>(),
                                            .rows = rows,
                                            .width = width,
                                            .p = p,
                                            .eps = eps,
                                            .row_stats = stats.data<float>(),
                                            .loss = loss.data<float>(),
                                            .workspace = workspace.raw_data()});
  }
  record_fused(
      "normalized_distance", {a, target}, {&loss},
      [y = Saved::output(loss), stats, p, eps](BackwardContext& context, const auto& in) {
        return std::vector{distance_gradient(in[0], in[1], stats, context.get(y), context.grad(), p, eps)};
      },
      [p, eps](const auto& in) { return std::vector{recorded_distance(in[0], in[1], p, eps)}; });
  return loss;
}

}  // namespace engram
