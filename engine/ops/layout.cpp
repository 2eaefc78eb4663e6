#include "engine/ops/layout.h"

#include <algorithm>
#include <cstring>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram {
namespace {

void strided_copy(const char* name, const Tensor& x, const Shape& stride_x, const Tensor& y, const Shape& stride_y,
                  const Shape& shape, dim_t offset_y = 0) {
  if (numel(shape) == 0) return;
  const int element_bytes = int(dtype_bytes(x.dtype()));
  kernels::StridedCopyArgs args{.x = x.raw_data(),
                                .y = static_cast<char*>(y.raw_data()) + offset_y * element_bytes,
                                .element_bytes = element_bytes,
                                .rank = int(shape.size()),
                                .shape = {},
                                .stride_x = {},
                                .stride_y = {}};
  for (int i = 0; i < args.rank; ++i) {
    args.shape[i] = shape[i];
    args.stride_x[i] = stride_x[i];
    args.stride_y[i] = stride_y[i];
  }
  OpScope scope(name, kernels::strided_copy_cost(args));
  backend(x.device()).strided_copy.copy(current_stream(x.device()), args);
}

/// Records that the gradient passes through unchanged, as the logical values are the same.
Tensor with_identity_gradient(const char* name, Tensor y, const Tensor& x) {
  if (needs_record({x}))
    record(name, {x}, {&y}, [](BackwardContext& context) -> std::vector<Tensor> { return {context.grad()}; });
  return y;
}

/// A blocked tensor as the strided 5-D array [N, C/b, b, H, W] whose row-major order is the logical order of [N,C,H,W].
struct BlockedView {
  Shape shape, strides;
  explicit BlockedView(const kernels::ActivationShape& s)
      : shape{s.n, s.blocks(), s.block, s.h, s.w},
        strides{s.c * s.pixels(), s.pixels() * s.block, 1, s.w * s.block, s.block} {}
};

}  // namespace

Tensor to_contiguous(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device());
  if (x.layout() == Layout::kBlocked) {
    const BlockedView view(x.activation());
    strided_copy("to_contiguous", x, view.strides, y, dense_strides(view.shape), view.shape);
  } else {
    strided_copy("to_contiguous", x, x.strides(), y, y.strides(), x.shape());
  }
  return with_identity_gradient("to_contiguous", y, x);
}

Tensor to_blocked(const Tensor& x) {
  const Tensor source = x.detach().contiguous();
  Tensor y = Tensor::empty(x.shape(), x.dtype(), x.device(), Layout::kBlocked);
  const BlockedView view(y.activation());
  strided_copy("to_blocked", source, dense_strides(view.shape), y, view.strides, view.shape);
  return with_identity_gradient("to_blocked", y, x);
}

namespace {

/// The dense row-major values of x on another device.
Tensor moved(const Tensor& x, const Device& device) {
  const Tensor source = x.detach().contiguous();
  const std::size_t bytes = std::size_t(source.numel()) * dtype_bytes(source.dtype());
  if (!x.device().is_cpu() && !device.is_cpu()) return moved(moved(source, Device{}), device);
  Tensor y = Tensor::empty(x.shape(), x.dtype(), device);
  if (device.is_cpu())
    copy_to_host(x.device(), y.raw_data(), source.raw_data(), bytes);
  else
    copy_to_device(device, y.raw_data(), source.raw_data(), bytes);
  return y;
}

}  // namespace

Tensor to_device(const Tensor& x, const Device& device) {
  Tensor y = moved(x, device);
  if (x.layout() == Layout::kBlocked && can_block_channels(device, x.dim(1))) y = y.blocked();
  if (needs_record({x}))
    record("to_device", {x}, {&y},
           [from = x.device()](BackwardContext& context) -> std::vector<Tensor> { return {context.grad().to(from)}; });
  return y;
}

Tensor reshape(const Tensor& x, const Shape& shape) {
  Shape target = shape;
  const auto open = std::find(target.begin(), target.end(), -1);
  if (open != target.end()) {
    *open = 1;
    const dim_t known = numel(target);
    *open = known > 0 ? x.numel() / known : 0;
  }
  if (numel(target) != x.numel())
    throw ShapeError(message("[reshape] expected a shape of ", x.numel(), " elements, got ", to_string(shape), " for ",
                             x.describe()));
  if (target == x.shape()) return x;
  const Tensor source = x.detach().contiguous();
  Tensor y = source.alias(target, dense_strides(target), source.impl()->offset);
  if (needs_record({x}))
    record("reshape", {x}, {&y}, [from = x.shape()](BackwardContext& context) -> std::vector<Tensor> {
      return {reshape(context.grad(), from)};
    });
  return y;
}

Tensor permute(const Tensor& x, const std::vector<int>& order) {
  const Tensor source = x.layout() == Layout::kBlocked ? x.detach().contiguous() : x;
  if (int(order.size()) != x.rank())
    throw ShapeError(message("[permute] expected ", x.rank(), " axes, got ", order.size()));
  Shape shape(order.size()), strides(order.size());
  std::vector<int> inverse(order.size(), -1);
  for (int i = 0; i < x.rank(); ++i) {
    const int axis = normalize_axis("permute", order[i], x.rank());
    if (inverse[axis] >= 0) throw ShapeError(message("[permute] expected each axis once, got axis ", axis, " twice"));
    inverse[axis] = i;
    shape[i] = source.shape()[axis];
    strides[i] = source.strides()[axis];
  }
  Tensor y = source.alias(shape, strides, source.impl()->offset);
  if (needs_record({x}))
    record("permute", {x}, {&y},
           [inverse](BackwardContext& context) -> std::vector<Tensor> { return {permute(context.grad(), inverse)}; });
  return y;
}

Tensor transpose(const Tensor& x, int axis0, int axis1) {
  std::vector<int> order(x.shape().size());
  for (int i = 0; i < x.rank(); ++i) order[i] = i;
  std::swap(order[normalize_axis("transpose", axis0, x.rank())], order[normalize_axis("transpose", axis1, x.rank())]);
  return permute(x, order);
}

Tensor expand(const Tensor& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  if (broadcast_shapes("expand", x.shape(), shape) != shape)
    throw ShapeError(
        message("[expand] expected a shape that ", x.describe(), " broadcasts to, got ", to_string(shape)));
  const Tensor source = x.layout() == Layout::kBlocked ? x.detach().contiguous() : x;
  const int lead = int(shape.size()) - x.rank();
  Shape strides(shape.size(), 0);
  for (int i = 0; i < x.rank(); ++i)
    if (x.shape()[i] == shape[lead + i]) strides[lead + i] = source.strides()[i];
  Tensor y = source.alias(shape, strides, source.impl()->offset);
  if (needs_record({x}))
    record("expand", {x}, {&y}, [from = x.shape()](BackwardContext& context) -> std::vector<Tensor> {
      return {sum_to(context.grad(), from)};
    });
  return y;
}

namespace {

void check_range(const char* op, dim_t extent, dim_t begin, dim_t end, dim_t step) {
  if (begin < 0 || end < begin || end > extent || step < 1)
    throw ShapeError(message("[", op, "] expected a range within [0,", extent, ") and a step of at least 1, got [",
                             begin, ",", end, ") step ", step));
}

dim_t sliced_extent(dim_t begin, dim_t end, dim_t step) {
  return (end - begin) / step + ((end - begin) % step > 0 ? 1 : 0);
}

}  // namespace

Tensor slice(const Tensor& x, int axis_in, dim_t begin, dim_t end, dim_t step) {
  const int axis = normalize_axis("slice", axis_in, x.rank());
  check_range("slice", x.dim(axis), begin, end, step);
  const Tensor source = x.layout() == Layout::kBlocked ? x.detach().contiguous() : x;
  Shape shape = x.shape(), strides = source.strides();
  shape[axis] = sliced_extent(begin, end, step);
  const dim_t offset = source.impl()->offset + (shape[axis] > 0 ? begin * strides[axis] : 0);
  if (shape[axis] > 1) strides[axis] *= step;
  Tensor y = source.alias(shape, strides, offset);
  if (needs_record({x}))
    record("slice", {x}, {&y},
           [from = x.shape(), axis, begin, end, step](BackwardContext& context) -> std::vector<Tensor> {
             return {unslice(context.grad(), from, axis, begin, end, step)};
           });
  return y;
}

Tensor unslice(const Tensor& x, const Shape& shape, int axis_in, dim_t begin, dim_t end, dim_t step) {
  const int axis = normalize_axis("unslice", axis_in, int(shape.size()));
  check_range("unslice", shape[axis], begin, end, step);
  Shape expected = shape;
  expected[axis] = sliced_extent(begin, end, step);
  if (x.shape() != expected)
    throw ShapeError(message("[unslice] expected x of shape ", to_string(expected), ", got ", x.describe()));
  if (x.dtype() != DType::kF32) throw DTypeError(message("[unslice] expected f32, got ", x.describe()));
  const Tensor source = x.layout() == Layout::kBlocked ? x.detach().contiguous() : x;
  Tensor y = Tensor::zeros(shape, x.device());
  const dim_t offset = begin * y.strides()[axis];
  Shape strides = y.strides();
  if (expected[axis] > 1) strides[axis] *= step;
  strided_copy("unslice", source, source.strides(), y, strides, x.shape(), offset);
  if (needs_record({x}))
    record("unslice", {x}, {&y}, [axis, begin, end, step](BackwardContext& context) -> std::vector<Tensor> {
      return {slice(context.grad(), axis, begin, end, step)};
    });
  return y;
}

namespace {

/// A blocked [N,C,H,W] tensor as the matrix in memory whose columns grow with C: [N, C*H*W] with several blocks of
/// channels, [N*H*W, C] when channels-last.
Tensor blocked_rows(const Tensor& x) {
  Tensor rows = x.detach();
  const dim_t width = x.device().is_cpu() ? x.numel() / std::max<dim_t>(1, x.dim(0)) : x.dim(1);
  rows.impl()->layout = Layout::kStrided;
  rows.impl()->shape = {width == 0 ? 0 : x.numel() / width, width};
  rows.impl()->strides = {width, 1};
  return rows;
}

void check_concat(const std::vector<Tensor>& parts, int axis) {
  for (const Tensor& part : parts) {
    Shape a = part.shape(), b = parts[0].shape();
    if (a.size() == b.size()) a[axis] = b[axis] = 0;
    check_one_device("concat", {parts[0], part});
    if (a != b || part.dtype() != parts[0].dtype())
      throw ShapeError(message("[concat] expected parts that differ along axis ", axis, " only, got ",
                               parts[0].describe(), " and ", part.describe()));
  }
}

}  // namespace

Tensor concat(const std::vector<Tensor>& parts, int axis_in) {
  if (parts.empty()) throw UsageError("[concat] expected at least one tensor, got none");
  const int axis = normalize_axis("concat", axis_in, parts[0].rank());
  check_concat(parts, axis);
  Shape shape = parts[0].shape();
  shape[axis] = 0;
  bool blocked = axis <= 1;
  for (const Tensor& part : parts) {
    shape[axis] += part.dim(axis);
    blocked = blocked && part.layout() == Layout::kBlocked;
  }
  Tensor y = Tensor::empty(shape, parts[0].dtype(), parts[0].device(), blocked ? Layout::kBlocked : Layout::kStrided);
  const Tensor target = blocked ? blocked_rows(y) : y;
  dim_t offset = 0;
  std::vector<dim_t> ends;
  for (const Tensor& part : parts) {
    const Tensor source =
        blocked ? blocked_rows(part) : (part.layout() == Layout::kBlocked ? part.detach().contiguous() : part);
    strided_copy("concat", source, source.strides(), target, target.strides(), source.shape(),
                 offset * target.strides()[axis]);
    offset += blocked ? source.dim(axis) : part.dim(axis);
    ends.push_back((ends.empty() ? 0 : ends.back()) + part.dim(axis));
  }
  if (needs_record(parts))
    record("concat", parts, {&y}, [axis, ends](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor g = context.grad();
      std::vector<Tensor> gradients(ends.size());
      for (std::size_t i = 0; i < ends.size(); ++i)
        if (context.needs(int(i))) gradients[i] = slice(g, axis, i ? ends[i - 1] : 0, ends[i]);
      return gradients;
    });
  return y;
}

Tensor flatten(const Tensor& x, int start_axis) {
  const int axis = normalize_axis("flatten", start_axis, x.rank());
  Shape shape(x.shape().begin(), x.shape().begin() + axis);
  dim_t rest = 1;
  for (int i = axis; i < x.rank(); ++i) rest *= x.dim(i);
  shape.push_back(rest);
  return reshape(x, shape);
}

}  // namespace engram
