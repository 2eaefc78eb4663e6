#pragma once
/// Padding, crops, flips, selection of rows and dropout. f32 and differentiable to any order unless said otherwise.
/// Threads: as engine/tensor.h says.
#include <vector>

#include "engine/random.h"
#include "engine/tensor.h"

namespace engram {

/// Widths of a frame around the last two axes; negative widths cut.
struct Frame {
  dim_t top = 0, bottom = 0, left = 0, right = 0;
};

/// [N,C,H,W] inside a frame of `value`; keeps the layout. Throws ShapeError when more is cut than there is.
Tensor pad(const Tensor& x, const Frame& frame, float value = 0);

/// Image n of the result is the out_h x out_w window of image n of x that starts at row offsets[n][0] and column
/// offsets[n][1] (i32 [N,2], may be negative); 0 outside of x. Keeps the layout.
Tensor crop_images(const Tensor& x, const Tensor& offsets, dim_t out_h, dim_t out_w);
/// Zero padding of `padding` pixels and a random crop back to the extents of x, one draw an image: crop_images with
/// uniform offsets in
/// [-padding, padding].
Tensor random_crop(const Tensor& x, dim_t padding, Generator& generator);

/// The elements in reverse order along `axes`.
Tensor flip(const Tensor& x, const std::vector<int>& axes);
/// Images [N,C,H,W] with flags[n] != 0 (u8 [N]) mirrored left to right; keeps the layout.
Tensor flip_images(const Tensor& x, const Tensor& flags);

/// Entries index[0], index[1], ... (i32 [K]) of `axis`. Takes every element type; gradients for f32.
/// Throws UsageError for an index out of range.
Tensor index_select(const Tensor& x, int axis, const Tensor& index);
/// The adjoint of index_select: zeros with extent `extent` along `axis`, plus x at the given entries; repeated entries
/// add up in order.
Tensor index_add(const Tensor& x, int axis, const Tensor& index, dim_t extent);

/// Each element 0 with probability p, else x / (1 - p). Element i depends on its logical position, not on the layout.
/// Throws UsageError unless 0 <= p < 1.
Tensor dropout(const Tensor& x, double p, Generator& generator);

}  // namespace engram
