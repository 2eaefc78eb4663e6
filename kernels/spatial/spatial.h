#pragma once
/// Moves of whole pixels and rows: constant padding, crops and flips per image, gathering and scattering of rows.

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// y = x inside a frame of `value`. Output extents [N, C, top + H + bottom, left + W + right], block of x.
/// A negative width cuts: with value 0, the same arguments negated and applied to y are the adjoint.
struct PadArgs {
  ActivationShape x_shape;
  const float* x;
  float* y;
  dim_t top, bottom, left, right;
  float value = 0;
};

/// y[n, c, i, j] = x[n, c, i + row, j + column], (row, column) = offsets[2 n], offsets[2 n + 1]; 0 outside x.
/// Output extents [N, C, out_h, out_w], block of x. With the offsets negated and the extents swapped it is its own
/// adjoint. Random crop with padding p: offsets in [-p, p].
struct ShiftedCropArgs {
  ActivationShape x_shape;
  const float* x;
  const std::int32_t* offsets;
  dim_t out_h, out_w;
  float* y;
  bool negate_offsets = false;  ///< use the negated offsets (the adjoint)
};

/// y[n, c, h, w] = x[n, c, h, W - 1 - w] for images with flags[n] != 0, else x[n, c, h, w]; its own adjoint.
/// Null flags: every image is flipped. y is not x.
struct HorizontalFlipArgs {
  ActivationShape shape;
  const float* x;
  const std::uint8_t* flags;
  float* y;
};

/// Row i of y = row index[i] of x; rows of `row_bytes` bytes. Every index lies in [0, x_rows): see FirstOutOfRangeArgs.
struct GatherRowsArgs {
  const void* x;
  const std::int32_t* index;
  void* y;
  dim_t rows;
  dim_t row_bytes;
};

/// y[index[i], :] += x[i, :], i rising, rows of `width` f32: the adjoint of a gather (y cleared by the caller).
struct ScatterAddRowsArgs {
  const float* x;
  const std::int32_t* index;
  float* y;
  dim_t rows;
  dim_t width;
};

/// *first = the lowest i with index[i] outside [0, bound), or -1; i < 2^31.
struct FirstOutOfRangeArgs {
  const std::int32_t* index;
  dim_t count;
  dim_t bound;
  std::int32_t* first;  ///< scalar out
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct SpatialKernels {
  void (*pad)(Stream, const PadArgs&);
  void (*shifted_crop)(Stream, const ShiftedCropArgs&);
  void (*horizontal_flip)(Stream, const HorizontalFlipArgs&);
  void (*gather_rows)(Stream, const GatherRowsArgs&);
  void (*scatter_add_rows)(Stream, const ScatterAddRowsArgs&);
  void (*first_out_of_range)(Stream, const FirstOutOfRangeArgs&);
};

/// Input read, output written (a crop reads at most its output).
Cost pad_cost(const PadArgs& args);
Cost shifted_crop_cost(const ShiftedCropArgs& args);
Cost horizontal_flip_cost(const ActivationShape& shape);
/// Index and rows read, rows written.
Cost gather_rows_cost(dim_t rows, dim_t row_bytes);
/// Index, x and the touched rows of y read, those written; one operation an element of x.
Cost scatter_add_rows_cost(dim_t rows, dim_t width);

/// The CPU back end.
extern const SpatialKernels kCpuSpatial;
/// The CUDA back end; defined where its kernels are linked.
extern const SpatialKernels kCudaSpatial;

/// Plain loops in double over planar tensors (the block is ignored): the oracle of the tests.
namespace reference {
void pad(const ActivationShape& x_shape, dim_t top, dim_t bottom, dim_t left, dim_t right, double value,
         const double* x, double* y);
void shifted_crop(const ActivationShape& x_shape, const std::int32_t* offsets, dim_t out_h, dim_t out_w,
                  const double* x, double* y);
void horizontal_flip(const ActivationShape& shape, const std::uint8_t* flags, const double* x, double* y);
void scatter_add_rows(const double* x, const std::int32_t* index, dim_t rows, dim_t width, double* y);
}  // namespace reference

}  // namespace engram::kernels
