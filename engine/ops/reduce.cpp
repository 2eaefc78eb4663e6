#include "engine/ops/reduce.h"

#include "engine/autograd.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/strided_view.h"
#include "engine/profiler.h"
#include "kernels/reduce/reduce.h"

namespace engram {
namespace {

/// Shape of the result with the reduced axes as 1.
Shape kept_shape(const Shape& shape, const std::vector<bool>& reduced) {
  Shape out = shape;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (reduced[i]) out[i] = 1;
  return out;
}

Shape without_reduced(const Shape& shape, const std::vector<bool>& reduced) {
  Shape out;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (!reduced[i]) out.push_back(shape[i]);
  return out;
}

Tensor sum_forward(const Tensor& x, const std::vector<bool>& reduced, const Shape& out_shape, double scale) {
  Tensor y = Tensor::empty(out_shape, DType::kF32, x.device());
  if (y.numel() == 0) return y;
  kernels::ReduceArgs args = reduce_args(kernels::ReduceOp::kSum, x, reduced);
  args.y = y.data<float>();
  args.scale = scale;
  run_reduce("sum", args, x.device());
  return y;
}

Tensor scaled_sum(const Tensor& x, const std::vector<int>& axes, bool keepdim, bool divide) {
  if (x.dtype() != DType::kF32) throw DTypeError(message("[sum] expected f32, got ", x.describe()));
  const std::vector<bool> reduced = axis_mask("sum", axes, x.rank());
  dim_t count = 1;
  for (int i = 0; i < x.rank(); ++i)
    if (reduced[i]) count *= x.dim(i);
  const double scale = divide ? 1.0 / double(count) : 1.0;
  const Shape kept = kept_shape(x.shape(), reduced);
  Tensor y = sum_forward(x, reduced, keepdim ? kept : without_reduced(x.shape(), reduced), scale);
  if (needs_record({x}))
    record("sum", {x}, {&y}, [kept, from = x.shape(), scale](BackwardContext& context) -> std::vector<Tensor> {
      Tensor g = reshape(context.grad(), kept);
      if (scale != 1.0) g = mul(g, float(scale));
      return {expand(g, from)};
    });
  return y;
}

}  // namespace

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  return scaled_sum(x, axes, keepdim, false);
}
Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keepdim) {
  return scaled_sum(x, axes, keepdim, true);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (broadcast_shapes("sum_to", x.shape(), shape) != x.shape())
    throw ShapeError(
        message("[sum_to] expected a shape that broadcasts to x ", x.describe(), ", got ", to_string(shape)));
  const int lead = x.rank() - int(shape.size());
  std::vector<int> axes;
  for (int i = 0; i < x.rank(); ++i)
    if (i < lead || (shape[i - lead] == 1 && x.dim(i) != 1)) axes.push_back(i);
  return reshape(axes.empty() ? x : sum(x, axes, true), shape);
}

}  // namespace engram
