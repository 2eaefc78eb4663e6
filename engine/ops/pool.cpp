#include "engine/ops/pool.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/activation_layout.h"
#include "engine/ops/layout.h"
#include "engine/profiler.h"
#include "kernels/pool/pool.h"
#include "kernels/resample/resample.h"

namespace engram {
namespace {

using kernels::ActivationShape;
using kernels::WindowGeometry;

WindowGeometry geometry_of(const char* op, const Tensor& x, const Window& window) {
  const dim_t stride = window.stride == 0 ? window.kernel : window.stride;
  constexpr dim_t kMost = 1 << 15;
  if (window.kernel < 1 || window.kernel > kMost || stride < 1 || stride > kMost || window.padding < 0 ||
      window.padding > window.kernel / 2)
    throw UsageError(message("[", op, "] expected 1 <= kernel, stride <= ", kMost,
                             " and 0 <= padding <= kernel / 2, got kernel ", window.kernel, ", stride ", stride,
                             ", padding ", window.padding));
  const WindowGeometry g{x.activation(), window.kernel, window.kernel, stride, stride, window.padding, window.padding};
  if (g.x.h + 2 * g.pad_h < g.kernel_h || g.x.w + 2 * g.pad_w < g.kernel_w)
    throw ShapeError(message("[", op, "] expected at least ", window.kernel, " x ", window.kernel,
                             " pixels with padding ", window.padding, ", got ", x.describe()));
  return g;
}

Shape shape_of(const ActivationShape& s) {
  return {s.n, s.c, s.h, s.w};
}
Layout layout_of(const ActivationShape& s) {
  return s.block == 1 ? Layout::kStrided : Layout::kBlocked;
}

Tensor empty_like(const ActivationShape& s, const Tensor& x, DType dtype = DType::kF32) {
  return Tensor::empty(shape_of(s), dtype, x.device(), layout_of(s));
}

Tensor pick(const Tensor& x, const Tensor& index, const WindowGeometry& g);

/// The adjoint of `pick`: x [N,C,out_h,out_w] added at the winners' positions.
Tensor scatter(const Tensor& x, const Tensor& index, const WindowGeometry& g) {
  const Tensor source = in_layout(x, layout_of(g.x));
  Tensor y = empty_like(g.x, x);
  {
    OpScope scope("max_pool2d_backward", kernels::max_pool_backward_cost(g));
    backend(x.device())
        .pool.max_pool_backward(current_stream(x.device()),
                                {g, source.data<float>(), index.data<std::int32_t>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("max_pool2d_scatter", {x}, {&y},
           [index, g](BackwardContext& context) -> std::vector<Tensor> { return {pick(context.grad(), index, g)}; });
  return y;
}

/// The elements of x [N,C,H,W] at the winners' positions.
Tensor pick(const Tensor& x, const Tensor& index, const WindowGeometry& g) {
  const Tensor source = in_layout(x, layout_of(g.x));
  Tensor y = empty_like(g.y(), x);
  {
    OpScope scope("max_pool2d_pick", kernels::max_pool_backward_cost(g));
    backend(x.device())
        .pool.gather(current_stream(x.device()),
                     {g, source.data<float>(), index.data<std::int32_t>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("max_pool2d_pick", {x}, {&y},
           [index, g](BackwardContext& context) -> std::vector<Tensor> { return {scatter(context.grad(), index, g)}; });
  return y;
}

Tensor avg_pool_adjoint(const Tensor& x, const Window& window, bool count_padding, const Shape& to);

Tensor global_avg_pool_adjoint(const Tensor& x, const Shape& to, Layout layout) {
  const Tensor source = x.detach().contiguous();
  Tensor y = Tensor::empty(to, DType::kF32, x.device(), layout);
  if (y.numel() > 0) {
    OpScope scope("global_avg_pool_backward", kernels::global_avg_pool_cost(y.activation()));
    backend(x.device())
        .pool.global_avg_pool_backward(current_stream(x.device()),
                                       {y.activation(), source.data<float>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("global_avg_pool_adjoint", {x}, {&y},
           [](BackwardContext& context) -> std::vector<Tensor> { return {global_avg_pool(context.grad())}; });
  return y;
}

Tensor upsample_adjoint(const Tensor& x, dim_t factor) {
  const Tensor source = dense_activation("upsample_nearest", x);
  ActivationShape small = source.activation();
  small.h /= factor;
  small.w /= factor;
  Tensor y = empty_like(small, x);
  {
    OpScope scope("upsample_nearest_backward", kernels::upsample_nearest_backward_cost(small, factor));
    backend(x.device())
        .resample.upsample_nearest_backward(current_stream(x.device()),
                                            {small, factor, source.data<float>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("upsample_nearest_adjoint", {x}, {&y}, [factor](BackwardContext& context) -> std::vector<Tensor> {
      return {upsample_nearest(context.grad(), factor)};
    });
  return y;
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Window& window) {
  const Tensor source = dense_activation("max_pool2d", x);
  const WindowGeometry g = geometry_of("max_pool2d", source, window);
  Tensor y = empty_like(g.y(), x), index;
  const bool recording = needs_record({x});
  if (recording) index = empty_like(g.y(), x, DType::kI32);
  {
    OpScope scope("max_pool2d", kernels::max_pool_cost(g, recording));
    backend(x.device())
        .pool.max_pool(current_stream(x.device()),
                       {g, source.data<float>(), y.data<float>(), recording ? index.data<std::int32_t>() : nullptr});
  }
  if (recording)
    record("max_pool2d", {x}, {&y},
           [index, g](BackwardContext& context) -> std::vector<Tensor> { return {scatter(context.grad(), index, g)}; });
  return y;
}

Tensor avg_pool2d(const Tensor& x, const Window& window, bool count_padding) {
  const Tensor source = dense_activation("avg_pool2d", x);
  const WindowGeometry g = geometry_of("avg_pool2d", source, window);
  Tensor y = empty_like(g.y(), x);
  {
    OpScope scope("avg_pool2d", kernels::avg_pool_cost(g));
    backend(x.device())
        .pool.avg_pool(current_stream(x.device()), {g, source.data<float>(), y.data<float>(), count_padding});
  }
  if (needs_record({x}))
    record("avg_pool2d", {x}, {&y},
           [window, count_padding, from = x.shape()](BackwardContext& context) -> std::vector<Tensor> {
             return {avg_pool_adjoint(context.grad(), window, count_padding, from)};
           });
  return y;
}

namespace {

Tensor avg_pool_adjoint(const Tensor& x, const Window& window, bool count_padding, const Shape& to) {
  const Tensor source = dense_activation("avg_pool2d", x);
  Tensor y = Tensor::empty(to, DType::kF32, x.device(), source.layout());
  const WindowGeometry g = geometry_of("avg_pool2d", y, window);
  {
    OpScope scope("avg_pool2d_backward", kernels::avg_pool_cost(g));
    backend(x.device())
        .pool.avg_pool_backward(current_stream(x.device()), {g, source.data<float>(), y.data<float>(), count_padding});
  }
  if (needs_record({x}))
    record("avg_pool2d_adjoint", {x}, {&y}, [window, count_padding](BackwardContext& context) -> std::vector<Tensor> {
      return {avg_pool2d(context.grad(), window, count_padding)};
    });
  return y;
}

}  // namespace

Tensor global_avg_pool(const Tensor& x) {
  const Tensor source = dense_activation("global_avg_pool", x);
  const ActivationShape s = source.activation();
  if (s.pixels() == 0) throw ShapeError(message("[global_avg_pool] expected at least one pixel, got ", x.describe()));
  Tensor y = Tensor::empty({s.n, s.c}, DType::kF32, x.device());
  {
    OpScope scope("global_avg_pool", kernels::global_avg_pool_cost(s));
    backend(x.device()).pool.global_avg_pool(current_stream(x.device()), {s, source.data<float>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("global_avg_pool", {x}, {&y},
           [from = x.shape(), layout = source.layout()](BackwardContext& context) -> std::vector<Tensor> {
             return {global_avg_pool_adjoint(context.grad(), from, layout)};
           });
  return y;
}

Tensor upsample_nearest(const Tensor& x, dim_t factor) {
  if (factor < 1) throw UsageError(message("[upsample_nearest] expected a factor of at least 1, got ", factor));
  const Tensor source = dense_activation("upsample_nearest", x);
  const ActivationShape s = source.activation();
  Tensor y = empty_like(
      {s.n, s.c, checked_mul("upsample_nearest", s.h, factor), checked_mul("upsample_nearest", s.w, factor), s.block},
      x);
  {
    OpScope scope("upsample_nearest", kernels::upsample_nearest_cost(s, factor));
    backend(x.device())
        .resample.upsample_nearest(current_stream(x.device()), {s, factor, source.data<float>(), y.data<float>()});
  }
  if (needs_record({x}))
    record("upsample_nearest", {x}, {&y}, [factor](BackwardContext& context) -> std::vector<Tensor> {
      return {upsample_adjoint(context.grad(), factor)};
    });
  return y;
}

}  // namespace engram
