#pragma once
/// Spatial pooling of activations [N,C,H,W]: maximum, average, and the global average.
/// All kernels take any channel block; 16 and 1 are the fast paths. Results do not depend on the number of threads.

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// Input extents and windows. Each window must overlap the input: pad <= kernel / 2.
struct PoolGeometry {
  ActivationShape x;
  dim_t kernel_h = 1, kernel_w = 1;
  dim_t stride_h = 1, stride_w = 1;
  dim_t pad_h = 0, pad_w = 0;

  dim_t out_h() const { return (x.h + 2 * pad_h - kernel_h) / stride_h + 1; }
  dim_t out_w() const { return (x.w + 2 * pad_w - kernel_w) / stride_w + 1; }
  /// Extents of the output, in the block of the input.
  ActivationShape y() const { return {x.n, x.c, out_h(), out_w(), x.block}; }
};

/// y = maximum over each window, padding left out; index = h * W + w of the winner in its input plane (null: not
/// wanted). The first of equal values in row-major order wins; a NaN wins over every number.
struct MaxPoolArgs {
  PoolGeometry geometry;
  const float* x;
  float* y;
  std::int32_t* index;
};

/// dx = sum of dy over the windows whose winner the pixel is; zero elsewhere. The adjoint of PoolGatherArgs.
struct MaxPoolBackwardArgs {
  PoolGeometry geometry;
  const float* dy;
  const std::int32_t* index;
  float* dx;
};

/// y = x at the position `index` of the same plane: the derivative of the maximum in a direction x.
struct PoolGatherArgs {
  PoolGeometry geometry;
  const float* x;
  const std::int32_t* index;
  float* y;
};

/// y = sum over each window / (count_padding ? kernel area : pixels of the window inside the input).
struct AvgPoolArgs {
  PoolGeometry geometry;
  const float* x;
  float* y;
  bool count_padding = true;
};

/// The adjoint of AvgPoolArgs.
struct AvgPoolBackwardArgs {
  PoolGeometry geometry;
  const float* dy;
  float* dx;
  bool count_padding = true;
};

/// y [N,C] (dense, planar) = mean over the pixels of x.
struct GlobalAvgPoolArgs {
  ActivationShape shape;
  const float* x;
  float* y;
};

/// dx[n,c,h,w] = dy[n,c] / (H W): the adjoint of GlobalAvgPoolArgs.
struct GlobalAvgPoolBackwardArgs {
  ActivationShape shape;
  const float* dy;
  float* dx;
};

/// Entry points of one back end.
struct PoolKernels {
  void (*max_pool)(Stream, const MaxPoolArgs&);
  void (*max_pool_backward)(Stream, const MaxPoolBackwardArgs&);
  void (*gather)(Stream, const PoolGatherArgs&);
  void (*avg_pool)(Stream, const AvgPoolArgs&);
  void (*avg_pool_backward)(Stream, const AvgPoolBackwardArgs&);
  void (*global_avg_pool)(Stream, const GlobalAvgPoolArgs&);
  void (*global_avg_pool_backward)(Stream, const GlobalAvgPoolBackwardArgs&);
};

/// Input read, output (and index) written; one operation a window element.
Cost max_pool_cost(const PoolGeometry& geometry, bool with_index);
/// Gradient and index read, input gradient written; one operation a window. Also the cost of a gather.
Cost max_pool_backward_cost(const PoolGeometry& geometry);
/// Input read, output written; one operation a window element. Also the cost of the adjoint.
Cost avg_pool_cost(const PoolGeometry& geometry);
/// Activation read (or written) once, [N,C] written (or read); one operation an element.
Cost global_avg_pool_cost(const ActivationShape& shape);

/// The CPU back end.
extern const PoolKernels kCpuPool;
/// The CUDA back end; defined where its kernels are linked.
extern const PoolKernels kCudaPool;

/// Plain loops in double over planar tensors (geometry.x.block is ignored): the oracle of the tests.
namespace reference {
void max_pool(const PoolGeometry& geometry, const double* x, double* y, std::int32_t* index);
void max_pool_backward(const PoolGeometry& geometry, const double* dy, const std::int32_t* index, double* dx);
void avg_pool(const PoolGeometry& geometry, bool count_padding, const double* x, double* y);
void avg_pool_backward(const PoolGeometry& geometry, bool count_padding, const double* dy, double* dx);
}  // namespace reference

}  // namespace engram::kernels
