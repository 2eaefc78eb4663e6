#pragma once
/// Spatial pooling of activations [N,C,H,W]: maximum, average, and the global average.
/// Each window must overlap the input: pad <= kernel / 2. All kernels take any channel block; 16 and 1 are the fast
/// paths. Results do not depend on the number of threads.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/windows.h"

namespace engram::kernels {

/// y = maximum over each window, padding left out; index = h * W + w of the winner in its input plane (null: not
/// wanted). The first of equal values in row-major order wins; a NaN wins over every number.
struct MaxPoolArgs {
  WindowGeometry geometry;
  const float* x;
  float* y;
  std::int32_t* index;
};

/// dx = sum of dy over the windows whose winner the pixel is; zero elsewhere. The adjoint of PoolGatherArgs.
struct MaxPoolBackwardArgs {
  WindowGeometry geometry;
  const float* dy;
  const std::int32_t* index;
  float* dx;
};

/// y = x at the position `index` of the same plane: the derivative of the maximum in a direction x.
struct PoolGatherArgs {
  WindowGeometry geometry;
  const float* x;
  const std::int32_t* index;
  float* y;
};

/// y = sum over each window / (count_padding ? kernel area : pixels of the window inside the input).
struct AvgPoolArgs {
  WindowGeometry geometry;
  const float* x;
  float* y;
  bool count_padding = true;
};

/// The adjoint of AvgPoolArgs.
struct AvgPoolBackwardArgs {
  WindowGeometry geometry;
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
Cost max_pool_cost(const WindowGeometry& geometry, bool with_index);
/// Gradient and index read, input gradient written; one operation a window. Also the cost of a gather.
Cost max_pool_backward_cost(const WindowGeometry& geometry);
/// Input read, output written; one operation a window element. Also the cost of the adjoint.
Cost avg_pool_cost(const WindowGeometry& geometry);
/// Activation read (or written) once, [N,C] written (or read); one operation an element.
Cost global_avg_pool_cost(const ActivationShape& shape);

/// The CPU back end.
extern const PoolKernels kCpuPool;
/// The CUDA back end; defined where its kernels are linked.
extern const PoolKernels kCudaPool;

/// Plain loops in double over planar tensors (geometry.x.block is ignored): the oracle of the tests.
namespace reference {
void max_pool(const WindowGeometry& geometry, const double* x, double* y, std::int32_t* index);
void max_pool_backward(const WindowGeometry& geometry, const double* dy, const std::int32_t* index, double* dx);
void avg_pool(const WindowGeometry& geometry, bool count_padding, const double* x, double* y);
void avg_pool_backward(const WindowGeometry& geometry, bool count_padding, const double* dy, double* dx);
}  // namespace reference

}  // namespace engram::kernels
