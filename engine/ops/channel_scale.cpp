#include "engine/ops/channel_scale.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/optional_data.h"
#include "engine/profiler.h"
#include "kernels/channel_scale/channel_scale.h"

namespace engram {
namespace {

void check_images(const char* op, const Tensor& x) {
  if (!x.defined()) throw UsageError(message("[", op, "] expected images, got an empty handle"));
  if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32, got ", x.describe()));
  if (x.rank() != 4 || x.numel() == 0)
    throw ShapeError(message("[", op, "] expected non-empty [N,C,H,W], got ", x.describe()));
}

const kernels::Jitter* jitter_of(const char* op, const Tensor& jitter) {
  if (!jitter.defined() || jitter.dtype() != DType::kI32 || jitter.shape() != Shape{3} || !jitter.is_contiguous())
    throw ShapeError(message("[", op, "] expected jitter i32 [3] (see make_jitter), got ",
                             jitter.defined() ? jitter.describe() : "an empty handle"));
  static_assert(sizeof(kernels::Jitter) == 3 * sizeof(std::int32_t));
  return static_cast<const kernels::Jitter*>(jitter.raw_data());
}

/// Gradients to p and alpha, those that are needed.
std::vector<Tensor> scale_gradients(const BackwardContext& context, const Tensor& p, const Tensor& alpha,
                                    const Tensor& jitter, const Tensor& grad_y) {
  const auto empty_if = [&](int index, const Tensor& like) {
    return context.needs(index) ? Tensor::empty(like.shape(), DType::kF32, p.device()) : Tensor();
  };
  const Tensor grad_p = empty_if(0, p), grad_alpha = empty_if(1, alpha);
  OpScope scope("channel_scale_backward", kernels::channel_scale_backward_cost(p.numel()));
  backend(p.device())
      .channel_scale.backward(current_stream(p.device()), {.p = p.data<float>(),
                                                           .alpha = alpha.data<float>(),
                                                           .jitter = jitter_of("channel_scale", jitter),
                                                           .grad_y = grad_y.data<float>(),
                                                           .grad_p = data_or_null(grad_p),
                                                           .grad_alpha = data_or_null(grad_alpha),
                                                           .n = p.dim(0),
                                                           .c = p.dim(1),
                                                           .h = p.dim(2),
                                                           .w = p.dim(3)});
  return {grad_p, grad_alpha};
}

}  // namespace

Tensor make_jitter(int dy, int dx, bool flip, Device device) {
  return Tensor::from(std::vector<std::int32_t>{dy, dx, flip ? 1 : 0}, {3}, device);
}

Tensor roll_flip(const Tensor& input, const Tensor& jitter, bool inverse) {
  check_images("roll_flip", input);
  check_one_device("roll_flip", {input, jitter});
  const Tensor x = input.contiguous();
  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device());
  {
    OpScope scope("roll_flip", kernels::roll_flip_cost(x.numel()));
    backend(x.device())
        .channel_scale.roll_flip(current_stream(x.device()), {.x = x.data<float>(),
                                                              .jitter = jitter_of("roll_flip", jitter),
                                                              .y = y.data<float>(),
                                                              .planes = x.dim(0) * x.dim(1),
                                                              .h = x.dim(2),
                                                              .w = x.dim(3),
                                                              .inverse = inverse});
  }
  if (needs_record({x}))
    record("roll_flip", {x}, {&y}, [jitter = Saved(jitter), inverse](BackwardContext& context) -> std::vector<Tensor> {
      return {roll_flip(context.grad(), context.get(jitter), !inverse)};
    });
  return y;
}

Tensor roll_flip(const Tensor& x, int dy, int dx, bool flip) {
  return roll_flip(x, make_jitter(dy, dx, flip, x.device()));
}

Tensor channel_scale(const Tensor& images, const Tensor& scale, const Tensor& jitter) {
  check_images("channel_scale", images);
  const dim_t n = images.dim(0), c = images.dim(1);
  if (!scale.defined() || scale.dtype() != DType::kF32 ||
      (scale.shape() != Shape{n, c} && scale.shape() != Shape{n, c, 1, 1}))
    throw ShapeError(message("[channel_scale] expected f32 alpha [", n, ",", c, "], got ",
                             scale.defined() ? scale.describe() : "an empty handle"));
  check_one_device("channel_scale", {images, scale, jitter});
  const Tensor p = images.contiguous(), alpha = scale.contiguous();
  Tensor y = Tensor::empty(p.shape(), DType::kF32, p.device());
  {
    OpScope scope("channel_scale", kernels::channel_scale_forward_cost(p.numel()));
    backend(p.device())
        .channel_scale.forward(current_stream(p.device()), {.p = p.data<float>(),
                                                            .alpha = alpha.data<float>(),
                                                            .jitter = jitter_of("channel_scale", jitter),
                                                            .y = y.data<float>(),
                                                            .n = n,
                                                            .c = c,
                                                            .h = p.dim(2),
                                                            .w = p.dim(3)});
  }
  record_fused(
      "channel_scale", {p, alpha, jitter}, {&y},
      [](BackwardContext& context, const auto& in) {
        return scale_gradients(context, in[0], in[1], in[2], context.grad().contiguous());
      },
      [n, c](const auto& in) {
        return std::vector{roll_flip(mul(tanh(in[0]), reshape(in[1], {n, c, 1, 1})), in[2])};
      });
  return y;
}

}  // namespace engram
