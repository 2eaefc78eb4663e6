#pragma once
/// Operations that change extents or order but no value. All are differentiable to any order, for f32; without
/// gradients they take every element type. Those marked "view" share memory with their argument where the layout allows
/// it. Threads: as engine/tensor.h says.

#include <vector>

#include "engine/tensor.h"

namespace engram {

/// Dense row-major copy (see Tensor::contiguous).
Tensor to_contiguous(const Tensor& x);
/// Channel-blocked copy of [N,C,H,W] f32 (see Tensor::blocked). Throws ShapeError.
Tensor to_blocked(const Tensor& x);
/// Copy on another device (see Tensor::to). Between two devices that are not the CPU it goes through the host.
Tensor to_device(const Tensor& x, const Device& device);

/// View with other extents and the same number of elements; one extent may be -1. Throws ShapeError.
Tensor reshape(const Tensor& x, const Shape& shape);
/// View with axes reordered: axis i of the result is axis order[i] of x.
Tensor permute(const Tensor& x, const std::vector<int>& order);
/// View with two axes exchanged.
Tensor transpose(const Tensor& x, int axis0, int axis1);
/// View stretched by the broadcasting rule. Throws ShapeError.
Tensor expand(const Tensor& x, const Shape& shape);
/// View of [begin, end) along an axis, every `step`-th. Throws ShapeError when out of range.
Tensor slice(const Tensor& x, int axis, dim_t begin, dim_t end, dim_t step = 1);
/// The adjoint of slice: zeros of `shape` with x (f32) at the sliced positions. Throws ShapeError when the range leaves
/// `shape` or x has not the extents of the slice.
Tensor unslice(const Tensor& x, const Shape& shape, int axis, dim_t begin, dim_t end, dim_t step = 1);
/// Tensors joined along an axis; the other extents agree. Blocked when all parts are blocked and the axis is 0 or 1.
Tensor concat(const std::vector<Tensor>& parts, int axis);
/// All axes from `start_axis` on made one. View.
Tensor flatten(const Tensor& x, int start_axis = 1);

}  // namespace engram
