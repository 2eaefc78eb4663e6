#include "engine/ops/spatial.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/ops/activation_layout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/indexed_rows.h"
#include "engine/ops/layout.h"
#include "engine/profiler.h"
#include "kernels/spatial/spatial.h"

namespace engram {
namespace {

using kernels::ActivationShape;

/// The crop of `crop_images`, or with `negate` its adjoint.
Tensor shifted_crop(const Tensor& x, const Tensor& offsets, dim_t out_h, dim_t out_w, bool negate) {
  check_one_device("crop_images", {x, offsets});
  const Tensor source = dense_activation("crop_images", x);
  const ActivationShape s = source.activation();
  Tensor y = Tensor::empty({s.n, s.c, out_h, out_w}, DType::kF32, x.device(), source.layout());
  const kernels::ShiftedCropArgs args{
      s, source.data<float>(), offsets.data<std::int32_t>(), out_h, out_w, y.data<float>(), negate};
  {
    OpScope scope("crop_images", kernels::shifted_crop_cost(args));
    backend(x.device()).spatial.shifted_crop(current_stream(x.device()), args);
  }
  if (needs_record({x}))
    record("crop_images", {x}, {&y},
           [offsets, h = s.h, w = s.w, negate](BackwardContext& context) -> std::vector<Tensor> {
             return {shifted_crop(context.grad(), offsets, h, w, !negate)};
           });
  return y;
}

/// `index` checked to be i32 [K] with entries in [0, bound), dense.
Tensor checked_index(const char* op, const Tensor& index, dim_t bound) {
  if (index.dtype() != DType::kI32 || index.rank() != 1)
    throw ShapeError(message("[", op, "] expected an i32 index [K], got ", index.describe()));
  const Tensor dense = index.contiguous();
  const Tensor first = Tensor::empty({}, DType::kI32, index.device());
  backend(index.device())
      .spatial.first_out_of_range(current_stream(index.device()),
                                  {dense.data<std::int32_t>(), dense.numel(), bound, first.data<std::int32_t>()});
  const dim_t bad = first.to_int_vector()[0];
  if (bad >= 0)
    throw UsageError(message("[", op, "] expected an index in [0,", bound, "), got ",
                             dense.to_int_vector()[std::size_t(bad)], " at position ", bad));
  return dense;
}

/// `index` as i32 [K], dense; its entries are not looked at.
Tensor known_index(const char* op, const Tensor& index, dim_t bound) {
  if (index.dtype() != DType::kI32 || index.rank() != 1 || (index.numel() > 0 && bound < 1))
    throw ShapeError(message("[", op, "] expected an i32 index [K] into ", bound, " entries, got ", index.describe()));
  return index.contiguous();
}

Tensor add_rows(const Tensor& x, const Tensor& index, dim_t extent);

/// index_select along axis 0 with a checked index.
Tensor select_rows(const Tensor& x, const Tensor& index) {
  check_one_device("index_select", {x, index});
  const Tensor source = x.detach().contiguous();
  Shape shape = x.shape();
  shape[0] = index.numel();
  Tensor y = Tensor::empty(shape, x.dtype(), x.device());
  const dim_t rows = index.numel();
  const dim_t row_bytes = rows == 0 ? 0 : y.numel() / rows * dim_t(dtype_bytes(x.dtype()));
  {
    OpScope scope("index_select", kernels::gather_rows_cost(rows, row_bytes));
    backend(x.device())
        .spatial.gather_rows(current_stream(x.device()),
                             {source.raw_data(), index.data<std::int32_t>(), y.raw_data(), rows, row_bytes});
  }
  if (needs_record({x}))
    record("index_select", {x}, {&y}, [index, extent = x.dim(0)](BackwardContext& context) -> std::vector<Tensor> {
      return {add_rows(context.grad(), index, extent)};
    });
  return y;
}

/// index_add along axis 0 with a checked index.
Tensor add_rows(const Tensor& x, const Tensor& index, dim_t extent) {
  check_one_device("index_add", {x, index});
  const Tensor source = x.detach().contiguous();
  Shape shape = x.shape();
  shape[0] = extent;
  Tensor y = Tensor::zeros(shape, x.device());
  const dim_t rows = index.numel(), width = rows == 0 ? 0 : x.numel() / rows;
  {
    OpScope scope("index_add", kernels::scatter_add_rows_cost(rows, width));
    backend(x.device())
        .spatial.scatter_add_rows(current_stream(x.device()),
                                  {source.data<float>(), index.data<std::int32_t>(), y.data<float>(), rows, width});
  }
  if (needs_record({x}))
    record("index_add", {x}, {&y},
           [index](BackwardContext& context) -> std::vector<Tensor> { return {select_rows(context.grad(), index)}; });
  return y;
}

/// flip of every image of a dense activation; `flags` undefined: all.
Tensor mirrored(const Tensor& x, const Tensor& flags) {
  check_one_device("flip_images", {x, flags});
  const Tensor source = dense_activation("flip_images", x);
  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device(), source.layout());
  {
    OpScope scope("flip_images", kernels::horizontal_flip_cost(source.activation()));
    backend(x.device())
        .spatial.horizontal_flip(current_stream(x.device()),
                                 {source.activation(), source.data<float>(),
                                  flags.defined() ? flags.data<std::uint8_t>() : nullptr, y.data<float>()});
  }
  if (needs_record({x}))
    record("flip_images", {x}, {&y},
           [flags](BackwardContext& context) -> std::vector<Tensor> { return {mirrored(context.grad(), flags)}; });
  return y;
}

}  // namespace

Tensor pad(const Tensor& x, const Frame& frame, float value) {
  const Tensor source = dense_activation("pad", x);
  const ActivationShape s = source.activation();
  const dim_t h = checked_add("pad", checked_add("pad", s.h, frame.top), frame.bottom);
  const dim_t w = checked_add("pad", checked_add("pad", s.w, frame.left), frame.right);
  if (h < 0 || w < 0)
    throw ShapeError(message("[pad] expected a frame that leaves a shape, got ", frame.top, ",", frame.bottom, ",",
                             frame.left, ",", frame.right, " for ", x.describe()));
  Tensor y = Tensor::empty({s.n, s.c, h, w}, DType::kF32, x.device(), source.layout());
  const kernels::PadArgs args{
      s, source.data<float>(), y.data<float>(), frame.top, frame.bottom, frame.left, frame.right, value};
  {
    OpScope scope("pad", kernels::pad_cost(args));
    backend(x.device()).spatial.pad(current_stream(x.device()), args);
  }
  if (needs_record({x}))
    record("pad", {x}, {&y}, [frame](BackwardContext& context) -> std::vector<Tensor> {
      return {pad(context.grad(), {-frame.top, -frame.bottom, -frame.left, -frame.right})};
    });
  return y;
}

Tensor crop_images(const Tensor& x, const Tensor& offsets, dim_t out_h, dim_t out_w) {
  if (offsets.dtype() != DType::kI32 || offsets.shape() != Shape{x.dim(0), 2})
    throw ShapeError(message("[crop_images] expected i32 offsets [", x.dim(0), ",2], got ", offsets.describe()));
  if (out_h < 0 || out_w < 0)
    throw ShapeError(message("[crop_images] expected extents of at least 0, got ", out_h, " x ", out_w));
  return shifted_crop(x, offsets.contiguous(), out_h, out_w, false);
}

Tensor random_crop(const Tensor& x, dim_t padding, Generator& generator) {
  if (x.rank() != 4) throw ShapeError(message("[random_crop] expected [N,C,H,W], got ", x.describe()));
  if (padding < 0 || padding > 1 << 30)
    throw UsageError(message("[random_crop] expected a padding in [0, 2^30], got ", padding));
  const Tensor offsets =
      random_integers({x.dim(0), 2}, generator, -std::int32_t(padding), std::int32_t(padding) + 1, x.device());
  return crop_images(x, offsets, x.dim(2), x.dim(3));
}

Tensor flip(const Tensor& x, const std::vector<int>& axes) {
  std::vector<bool> reversed(std::size_t(x.rank()), false);
  for (int axis : axes) {
    const int i = normalize_axis("flip", axis, x.rank());
    if (reversed[i]) throw ShapeError(message("[flip] expected each axis once, got axis ", i, " twice"));
    reversed[i] = true;
  }
  if (x.rank() == 4 && x.dtype() == DType::kF32 && reversed == std::vector<bool>{false, false, false, true})
    return mirrored(x, {});
  const Tensor source = x.layout() == Layout::kBlocked ? x.detach().contiguous() : x.detach();
  Shape strides = source.strides();
  dim_t offset = source.impl()->offset;
  for (int i = 0; i < x.rank(); ++i)
    if (reversed[i] && x.dim(i) > 0) {
      offset += (x.dim(i) - 1) * strides[i];
      strides[i] = -strides[i];
    }
  Tensor y = source.alias(x.shape(), strides, offset).contiguous();
  if (needs_record({x}))
    record("flip", {x}, {&y},
           [axes](BackwardContext& context) -> std::vector<Tensor> { return {flip(context.grad(), axes)}; });
  return y;
}

Tensor flip_images(const Tensor& x, const Tensor& flags) {
  if (flags.dtype() != DType::kU8 || x.rank() != 4 || flags.shape() != Shape{x.dim(0)})
    throw ShapeError(
        message("[flip_images] expected [N,C,H,W] and u8 flags [N], got ", x.describe(), " and ", flags.describe()));
  return mirrored(x, flags.contiguous());
}

Tensor index_select(const Tensor& x, int axis_in, const Tensor& index) {
  const int axis = normalize_axis("index_select", axis_in, x.rank());
  const Tensor checked = checked_index("index_select", index, x.dim(axis));
  if (axis == 0) return select_rows(x, checked);
  return transpose(select_rows(transpose(x, 0, axis), checked), 0, axis);
}

Tensor index_add(const Tensor& x, int axis_in, const Tensor& index, dim_t extent) {
  const int axis = normalize_axis("index_add", axis_in, x.rank());
  const Tensor checked = checked_index("index_add", index, extent);
  if (checked.numel() != x.dim(axis))
    throw ShapeError(message("[index_add] expected ", x.dim(axis), " entries, got ", index.describe()));
  if (axis == 0) return add_rows(x, checked, extent);
  return transpose(add_rows(transpose(x, 0, axis), checked, extent), 0, axis);
}

Tensor select_known(const Tensor& x, int axis_in, const Tensor& index) {
  const int axis = normalize_axis("select_known", axis_in, x.rank());
  const Tensor known = known_index("select_known", index, x.dim(axis));
  if (axis == 0) return select_rows(x, known);
  return transpose(select_rows(transpose(x, 0, axis), known), 0, axis);
}

Tensor add_known(const Tensor& x, const Tensor& index, dim_t extent) {
  const Tensor known = known_index("add_known", index, extent);
  if (x.rank() == 0 || known.numel() != x.dim(0))
    throw ShapeError(
        message("[add_known] expected as many rows as entries, got ", x.describe(), " and ", index.describe()));
  return add_rows(x, known, extent);
}

Tensor dropout(const Tensor& x, double p, Generator& generator) {
  if (!(p >= 0 && p < 1)) throw UsageError(message("[dropout] expected 0 <= p < 1, got ", p));
  Tensor mask = bernoulli(x.shape(), generator, 1 - p, float(1 / (1 - p)), x.device());
  if (x.layout() == Layout::kBlocked) mask = mask.blocked();
  return mul(x, mask);
}

}  // namespace engram
