#include "engine/ops/channel_op.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/activation_layout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "kernels/backend.h"
#include "kernels/batch_norm/batch_norm.h"

namespace engram {

Tensor channel_layout(const char* op, const Tensor& x) {
  if (!x.defined()) return x;
  if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", x.describe()));
  if (x.rank() != 4) throw ShapeError(message("[", op, "] expected [N,C,H,W], got ", x.describe()));
  return can_block_channels(x.device(), x.dim(1)) ? x.blocked() : x.contiguous();
}

Tensor channel_vector(const char* op, const char* what, const Tensor& values, const Tensor& x) {
  if (!values.defined()) return values;
  if (values.dtype() != DType::kF32)
    throw DTypeError(message("[", op, "] expected ", what, " as f32, got ", values.describe()));
  if (values.shape() != Shape{x.dim(1)})
    throw ShapeError(message("[", op, "] expected ", what, " of shape [", x.dim(1), "] for x ", x.describe(), ", got ",
                             values.describe()));
  if (!(values.device() == x.device()))
    throw DeviceError(
        message("[", op, "] expected ", what, " on the device of x ", x.describe(), ", got ", values.describe()));
  return values.detach().contiguous();
}

void check_residual(const char* op, const Tensor& residual, const Tensor& x) {
  if (residual.defined() && residual.shape() != x.shape())
    throw ShapeError(
        message("[", op, "] expected a residual of the shape of x ", x.describe(), ", got ", residual.describe()));
  check_one_device(op, {x, residual});
}

Tensor as_channels(const Tensor& values) {
  return reshape(values, {1, values.numel(), 1, 1});
}

Tensor mask_like(const Tensor& x, bool wanted) {
  if (!wanted) return {};
  return Tensor::empty({2 * kernels::activation_mask_words(x.numel())}, DType::kU8, x.device());
}

std::uint16_t* mask_words(const Tensor& mask) {
  return mask.defined() ? static_cast<std::uint16_t*>(mask.raw_data()) : nullptr;
}

Tensor workspace_tensor(std::size_t bytes, Device device) {
  return Tensor::empty({dim_t(bytes)}, DType::kU8, device);
}

Tensor through_activation(const Tensor& g, const Tensor& mask, Layout layout, kernels::Activation activation,
                          float slope) {
  if (activation == kernels::Activation::kNone) return g;
  // The gradient of the residual of an evaluation pass is the incoming gradient times the derivative of the activation.
  const Tensor ones = in_layout(Tensor::ones(g.shape(), g.device()), layout);
  const Tensor derivative = Tensor::empty(g.shape(), DType::kF32, g.device(), layout);
  const Tensor statistics = Tensor::ones({g.dim(1)}, g.device());
  const Tensor workspace =
      workspace_tensor(backend(g.device()).batch_norm.workspace_bytes(ones.activation()), g.device());
  backend(g.device())
      .batch_norm.eval_backward(current_stream(g.device()), {.shape = ones.activation(),
                                                             .x = nullptr,
                                                             .grad_y = ones.data<float>(),
                                                             .grad_y2 = nullptr,
                                                             .mask = mask_words(mask),
                                                             .activation = activation,
                                                             .slope = slope,
                                                             .mean = statistics.data<float>(),
                                                             .var = statistics.data<float>(),
                                                             .eps = 0,
                                                             .gamma = nullptr,
                                                             .grad_x = nullptr,
                                                             .grad_residual = derivative.data<float>(),
                                                             .grad_gamma = nullptr,
                                                             .grad_beta = nullptr,
                                                             .workspace = workspace.raw_data()});
  return mul(g, derivative);
}

Tensor GradientPair::reuse() {
  if (first_free) {
    first_free = false;
    return first;
  }
  if (second_free) {
    second_free = false;
    return second;
  }
  return Tensor::empty(first.shape(), DType::kF32, first.device(), first.layout());
}

GradientPair take_gradients(BackwardContext& context, Layout layout) {
  auto [first, second] = context.take_grad_pair();
  // Assigned to themselves, so that the handles left are the only ones to memory that nobody else holds.
  if (first.defined()) first = in_layout(first, layout);
  if (second.defined()) second = in_layout(second, layout);
  GradientPair pair;
  pair.first_free = first.defined() && first.owns_data_alone();
  pair.second_free = second.defined() && second.owns_data_alone();
  pair.first = std::move(first);
  pair.second = std::move(second);
  return pair;
}

}  // namespace engram
