#pragma once
/// Nearest-neighbour upsampling of activations by a whole factor, and its adjoint.

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// y[n, c, i, j] = x[n, c, i / factor, j / factor]; y has the extents [N, C, factor H, factor W] and the block of x.
struct UpsampleNearestArgs {
  ActivationShape x_shape;
  dim_t factor;
  const float* x;
  float* y;
};

/// dx[n, c, h, w] = sum of dy over the factor x factor pixels that copy x[n, c, h, w]: the adjoint of
/// UpsampleNearestArgs.
struct UpsampleNearestBackwardArgs {
  ActivationShape x_shape;
  dim_t factor;
  const float* dy;
  float* dx;
};

/// Entry points of one back end. Any block; sums run in f32 in row-major order, so bits do not depend on the number of
/// threads.
struct ResampleKernels {
  void (*upsample_nearest)(Stream, const UpsampleNearestArgs&);
  void (*upsample_nearest_backward)(Stream, const UpsampleNearestBackwardArgs&);
};

/// Input read, output written, no arithmetic.
Cost upsample_nearest_cost(const ActivationShape& x_shape, dim_t factor);
/// Output gradient read, input gradient written; one operation an output element.
Cost upsample_nearest_backward_cost(const ActivationShape& x_shape, dim_t factor);

/// The CPU back end.
extern const ResampleKernels kCpuResample;
/// The CUDA back end; defined where its kernels are linked.
extern const ResampleKernels kCudaResample;

/// Plain loops in double over planar tensors (x_shape.block is ignored): the oracle of the tests.
namespace reference {
void upsample_nearest(const ActivationShape& x_shape, dim_t factor, const double* x, double* y);
void upsample_nearest_backward(const ActivationShape& x_shape, dim_t factor, const double* dy, double* dx);
}  // namespace reference

}  // namespace engram::kernels
