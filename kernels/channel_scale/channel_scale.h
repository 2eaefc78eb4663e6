#pragma once
/// The last step of an image synthesiser: y = flip(roll(alpha[n,c] tanh(p))) on planar images in one pass each way, and
/// roll + flip alone.

#include <cstdint>

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A circular shift of images, then perhaps a mirror image left to right: out[i, j] = in[(i - dy) mod h, (j' - dx) mod
/// w] with j' = flip ? w - 1 - j : j. Shifts may be negative or larger than the image. Lives in the back end's memory,
/// so that a captured sequence of kernels can be replayed with new values.
struct Jitter {
  std::int32_t dy = 0;
  std::int32_t dx = 0;
  std::int32_t flip = 0;  ///< 0 or 1
};

/// y = flip(roll(alpha[n,c] tanh(p))). All images of the batch get the same jitter.
struct ChannelScaleForwardArgs {
  const float* p;      ///< [n, c, h, w]
  const float* alpha;  ///< [n, c]
  const Jitter* jitter;
  float* y;  ///< [n, c, h, w]; not p
  dim_t n, c, h, w;
};

/// With t = tanh(p) (computed again) and g = the adjoint of roll and flip applied to grad_y:
/// grad_p = g alpha (1 - t^2), grad_alpha[n,c] = sum_{h,w} g t. Either output may be null.
struct ChannelScaleBackwardArgs {
  const float* p;
  const float* alpha;
  const Jitter* jitter;
  const float* grad_y;
  float* grad_p;  ///< not grad_y
  float* grad_alpha;
  dim_t n, c, h, w;
};

/// y = flip(roll(x)), or with `inverse` x from y: the adjoint.
struct RollFlipArgs {
  const float* x;
  const Jitter* jitter;
  float* y;  ///< not x
  dim_t planes, h, w;
  bool inverse;
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct ChannelScaleKernels {
  void (*forward)(Stream, const ChannelScaleForwardArgs&);
  void (*backward)(Stream, const ChannelScaleBackwardArgs&);
  void (*roll_flip)(Stream, const RollFlipArgs&);
};

/// p read, y written; a tanh counts as 20 operations.
Cost channel_scale_forward_cost(dim_t count);
/// p and grad_y read, grad_p written.
Cost channel_scale_backward_cost(dim_t count);
/// x read, y written.
Cost roll_flip_cost(dim_t count);

/// The CPU back end.
extern const ChannelScaleKernels kCpuChannelScale;
/// The CUDA back end; defined where its kernels are linked.
extern const ChannelScaleKernels kCudaChannelScale;

/// Plain loops in double: the oracle of the tests.
namespace reference {
void roll_flip(const double* x, double* y, dim_t planes, dim_t h, dim_t w, const Jitter& jitter, bool inverse);
void channel_scale(const double* p, const double* alpha, double* y, dim_t planes, dim_t h, dim_t w,
                   const Jitter& jitter);
void channel_scale_backward(const double* p, const double* alpha, const double* grad_y, double* grad_p,
                            double* grad_alpha, dim_t planes, dim_t h, dim_t w, const Jitter& jitter);
}  // namespace reference

}  // namespace engram::kernels
