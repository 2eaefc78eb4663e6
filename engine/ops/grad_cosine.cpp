#include "engine/ops/grad_cosine.h"

#include <limits>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/optional_data.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/grad_cosine/grad_cosine.h"

namespace engram {
namespace {

void check_pair(const char* op, const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) throw UsageError(message("[", op, "] expected two tensors, got an empty handle"));
  if (a.dtype() != DType::kF32 || b.dtype() != DType::kF32)
    throw DTypeError(message("[", op, "] expected f32, got ", a.describe(), " and ", b.describe()));
  if (a.shape() != b.shape() || a.rank() == 0)
    throw ShapeError(
        message("[", op, "] expected equal shapes of rank 1 or more, got ", a.describe(), " and ", b.describe()));
  check_one_device(op, {a, b});
}

Tensor empty_like(const Tensor& x, bool wanted) {
  return wanted ? Tensor::empty(x.shape(), DType::kF32, x.device()) : Tensor();
}

/// Workspace of a call on the rows of `a`.
Tensor workspace_of(const Tensor& a) {
  const std::size_t bytes = backend(a.device()).grad_cosine.workspace_bytes(a.dim(0), a.dim(1));
  return Tensor::empty({dim_t(bytes)}, DType::kU8, a.device());
}

/// sum over a row, kept as an axis of 1.
Tensor row_dot(const Tensor& x, const Tensor& y) {
  return sum(mul(x, y), {1}, true);
}

/// The gradients to a and b in recorded operations; the formulas and names are those of
/// kernels/grad_cosine/grad_cosine_cpu.cpp.
std::vector<Tensor> recorded_gradient(const Tensor& a, const Tensor& b, const Tensor& grad_cos, float eps) {
  const Tensor floor = Tensor::scalar(eps * eps, a.device());
  const Tensor aa = row_dot(a, a), bb = row_dot(b, b), free_a = greater(aa, floor).detach(),
               free_b = greater(bb, floor).detach();
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor ia = pow(clamp(aa, eps * eps, infinity), -0.5f), ib = pow(clamp(bb, eps * eps, infinity), -0.5f);
  const Tensor c = row_dot(a, b) * ia * ib, g = reshape(grad_cos, {a.dim(0), 1});
  return {g * ia * (ib * b - free_a * c * ia * a), g * ib * (ia * a - free_b * c * ib * b)};
}

std::vector<Tensor> fused_double_gradient(const BackwardContext& context, const Tensor& a, const Tensor& b,
                                          const Tensor& stats, const Tensor& grad_cos, const Tensor& v_a,
                                          const Tensor& v_b, float eps) {
  std::vector<Tensor> out = {empty_like(a, context.needs(0)), empty_like(b, context.needs(1)),
                             empty_like(grad_cos, context.needs(2))};
  const Tensor workspace = workspace_of(a);
  OpScope scope("grad_cosine_double_backward", kernels::grad_cosine_double_backward_cost(
                                                   a.dim(0), a.dim(1), int(context.needs(0)) + int(context.needs(1))));
  backend(a.device())
      .grad_cosine.double_backward(current_stream(a.device()), {.a = a.data<float>(),
                                                                .b = b.data<float>(),
                                                                .row_stats = stats.data<float>(),
                                                                .grad_cos = grad_cos.data<float>(),
                                                                .v_a = data_or_null(v_a),
                                                                .v_b = data_or_null(v_b),
                                                                .rows = a.dim(0),
                                                                .width = a.dim(1),
                                                                .eps = eps,
                                                                .grad_a = data_or_null(out[0]),
                                                                .grad_b = data_or_null(out[1]),
                                                                .grad_grad_cos = data_or_null(out[2]),
                                                                .workspace = workspace.raw_data()});
  return out;
}

/// Gradients to a and b as an operation of its own, so that it can be differentiated by the fused double gradient.
std::vector<Tensor> cosine_gradient(const Tensor& a, const Tensor& b, const Tensor& stats, const Tensor& grad_cos,
                                    float eps, bool wants_a, bool wants_b) {
  const bool recorded = needs_record({a, b, grad_cos});
  // A recorded operation has both outputs, wanted or not.
  Tensor grad_a = empty_like(a, wants_a || recorded), grad_b = empty_like(b, wants_b || recorded);
  {
    OpScope scope("grad_cosine_backward",
                  kernels::grad_cosine_backward_cost(a.dim(0), a.dim(1), int(wants_a) + int(wants_b)));
    backend(a.device())
        .grad_cosine.backward(current_stream(a.device()), {.a = a.data<float>(),
                                                           .b = b.data<float>(),
                                                           .row_stats = stats.data<float>(),
                                                           .grad_cos = grad_cos.data<float>(),
                                                           .rows = a.dim(0),
                                                           .width = a.dim(1),
                                                           .eps = eps,
                                                           .grad_a = data_or_null(grad_a),
                                                           .grad_b = data_or_null(grad_b)});
  }
  record_fused(
      "grad_cosine_backward", {a, b, grad_cos}, {&grad_a, &grad_b},
      [stats, eps](BackwardContext& context, const auto& in) {
        const auto dense = [](const Tensor& v) { return v.defined() ? v.contiguous() : v; };
        return fused_double_gradient(context, in[0], in[1], stats, in[2], dense(context.grad(0)),
                                     dense(context.grad(1)), eps);
      },
      [eps](const auto& in) { return recorded_gradient(in[0], in[1], in[2], eps); });
  return {grad_a, grad_b};
}

/// Cosine of the rows of two contiguous matrices.
Tensor row_cosine(const Tensor& a, const Tensor& b, float eps) {
  const dim_t rows = a.dim(0);
  Tensor cos = Tensor::empty({rows}, DType::kF32, a.device());
  const Tensor stats = Tensor::empty({rows, kernels::kNumCosineStats}, DType::kF32, a.device());
  {
    const Tensor workspace = workspace_of(a);
    OpScope scope("grad_cosine", kernels::grad_cosine_forward_cost(rows, a.dim(1)));
    backend(a.device())
        .grad_cosine.forward(current_stream(a.device()), {.a = a.data<float>(),
                                                          .b = b.data<float>(),
                                                          .rows = rows,
                                                          .width = a.dim(1),
                                                          .eps = eps,
                                                          .cos = cos.data<float>(),
                                                          .row_stats = stats.data<float>(),
                                                          .workspace = workspace.raw_data()});
  }
  if (needs_record({a, b}))
    record("grad_cosine", {a, b}, {&cos},
           [a = Saved(a), b = Saved(b), stats, eps](BackwardContext& context) -> std::vector<Tensor> {
             return cosine_gradient(context.get(a), context.get(b), stats, context.grad().contiguous(), eps,
                                    context.needs(0), context.needs(1));
           });
  return cos;
}

Tensor checked_row_cosine(const char* op, const Tensor& a, const Tensor& b, dim_t rows, dim_t width, float eps) {
  if (!(eps > 0)) throw UsageError(message("[", op, "] expected eps above 0, got ", eps));
  return row_cosine(reshape(a.contiguous(), {rows, width}), reshape(b.contiguous(), {rows, width}), eps);
}

}  // namespace

Tensor grad_cosine(const Tensor& a, const Tensor& b, float eps) {
  check_pair("grad_cosine", a, b);
  const dim_t rows = a.dim(0);
  return checked_row_cosine("grad_cosine", a, b, rows, rows == 0 ? 0 : a.numel() / rows, eps);
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, float eps) {
  check_pair("cosine_similarity", a, b);
  const dim_t width = a.dim(-1), rows = width == 0 ? 0 : a.numel() / width;
  const Shape shape(a.shape().begin(), a.shape().end() - 1);
  return reshape(checked_row_cosine("cosine_similarity", a, b, rows, width, eps), shape);
}

}  // namespace engram
