#include "engine/ops/image_prior.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/channel_op.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/ops/statistics.h"
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

/// {tv, l2} in recorded operations.
std::vector<Tensor> recorded_prior(const Tensor& x) {
  const dim_t h = x.dim(2), w = x.dim(3);
  const auto cut = [&](dim_t i, dim_t j, dim_t rows, dim_t columns) {
    return slice(slice(x, 2, i, i + rows), 3, j, j + columns);
  };
  Tensor tv = Tensor::zeros({}, x.device());
  const auto add_difference = [&](const Tensor& a, const Tensor& b) {
    if (a.numel() > 0) tv = add(tv, norm(sub(a, b)));
  };
  add_difference(cut(0, 0, h, w - 1), cut(0, 1, h, w - 1));
  add_difference(cut(0, 0, h - 1, w), cut(1, 0, h - 1, w));
  add_difference(cut(1, 0, h - 1, w - 1), cut(0, 1, h - 1, w - 1));
  add_difference(cut(0, 0, h - 1, w - 1), cut(1, 1, h - 1, w - 1));
  return {tv, norm(x)};
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
  record_fused(
      "image_prior", {x}, {&out.tv, &out.l2},
      [norms](BackwardContext& context, const auto& in) {
        return std::vector{fused_gradient(in[0], norms, context.grad(0), context.grad(1))};
      },
      [](const auto& in) { return recorded_prior(in[0]); });
  return out;
}

}  // namespace engram
