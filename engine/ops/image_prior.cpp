#include "engine/ops/image_prior.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/channel_op.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/image_prior/image_prior.h"

namespace engram {
namespace {

const float* scalar_or_null(const Tensor& x) {
  return x.defined() ? x.data<float>() : nullptr;
}

Tensor fused_gradient(const Tensor& x, const Tensor& norms, const Tensor& grad_tv, const Tensor& grad_l2) {
  Tensor grad_x = Tensor::empty(x.shape(), DType::kF32, x.device());
  OpScope scope("image_prior_backward", kernels::image_prior_backward_cost(x.numel()));
  backend(x.device())
      .image_prior.backward(current_stream(x.device()), {.x = x.data<float>(),
                                                         .norms = norms.data<float>(),
                                                         .grad_tv = scalar_or_null(grad_tv),
                                                         .grad_l2 = scalar_or_null(grad_l2),
                                                         .planes = x.dim(0) * x.dim(1),
                                                         .h = x.dim(2),
                                                         .w = x.dim(3),
                                                         .grad_x = grad_x.data<float>()});
  return grad_x;
}

/// v times the reciprocal of its norm, recorded; 0 (with derivative 0) when v is 0.
Tensor normalised(const Tensor& v) {
  const Tensor squares = sum(square(v));
  return div(v, sqrt(add(squares, equal(squares, Tensor::scalar(0, v.device())).detach())));
}

/// A rectangle of every plane that starts at (i, j).
struct Rectangle {
  dim_t i, j, h, w;

  Tensor cut(const Tensor& x) const { return slice(slice(x, 2, i, i + h), 3, j, j + w); }
  Tensor paste(const Tensor& y, const Shape& shape) const {
    return unslice(unslice(y, {shape[0], shape[1], h, shape[3]}, 3, j, j + w), shape, 2, i, i + h);
  }
};

/// The gradient in recorded operations.
Tensor recorded_gradient(const Tensor& x, const Tensor& grad_tv, const Tensor& grad_l2) {
  const Shape& shape = x.shape();
  const dim_t h = shape[2], w = shape[3];
  const std::pair<Rectangle, Rectangle> differences[] = {{{0, 0, h, w - 1}, {0, 1, h, w - 1}},
                                                         {{0, 0, h - 1, w}, {1, 0, h - 1, w}},
                                                         {{1, 0, h - 1, w - 1}, {0, 1, h - 1, w - 1}},
                                                         {{0, 0, h - 1, w - 1}, {1, 1, h - 1, w - 1}}};
  Tensor total = grad_l2.defined() ? mul(normalised(x), grad_l2) : Tensor();
  for (const auto& [first, second] : differences) {
    if (!grad_tv.defined() || first.h == 0 || first.w == 0) continue;
    const Tensor pull = mul(normalised(sub(first.cut(x), second.cut(x))), grad_tv);
    const Tensor part = sub(first.paste(pull, shape), second.paste(pull, shape));
    total = total.defined() ? add(total, part) : part;
  }
  return total.defined() ? total : Tensor::zeros(shape, x.device());
}

}  // namespace

ImagePrior image_prior(const Tensor& input) {
  if (!input.defined()) throw UsageError("[image_prior] expected images, got an empty handle");
  if (input.dtype() != DType::kF32) throw DTypeError(message("[image_prior] expected f32, got ", input.describe()));
  if (input.rank() != 4 || input.numel() == 0)
    throw ShapeError(message("[image_prior] expected non-empty [N,C,H,W], got ", input.describe()));
  const Tensor x = input.contiguous();
  const Device device = x.device();
  const dim_t planes = x.dim(0) * x.dim(1);
  ImagePrior out = {Tensor::empty({}, DType::kF32, device), Tensor::empty({}, DType::kF32, device)};
  const Tensor norms = Tensor::empty({kernels::kNumImageNorms}, DType::kF32, device);
  const Tensor workspace =
      workspace_tensor(backend(device).image_prior.workspace_bytes(planes, x.dim(2), x.dim(3)), device);
  {
    OpScope scope("image_prior", kernels::image_prior_forward_cost(x.numel()));
    backend(device).image_prior.forward(current_stream(device),
                                        {.x = x.data<float>(),
                                         .planes = planes,
                                         .h = x.dim(2),
                                         .w = x.dim(3),
                                         .workspace = static_cast<double*>(workspace.raw_data()),
                                         .norms = norms.data<float>(),
                                         .tv = out.tv.data<float>(),
                                         .l2 = out.l2.data<float>()});
  }
  if (needs_record({x}))
    record("image_prior", {x}, {&out.tv, &out.l2},
           [x = Saved(x), norms](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor images = context.get(x), grad_tv = context.grad(0), grad_l2 = context.grad(1);
             if (context.create_graph()) return {recorded_gradient(images, grad_tv, grad_l2)};
             return {fused_gradient(images, norms, grad_tv, grad_l2)};
           });
  return out;
}

}  // namespace engram
