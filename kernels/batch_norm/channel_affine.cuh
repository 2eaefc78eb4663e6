#pragma once
/// y = act((x - center) scale + shift (+ residual)) per channel, and the moments of x in the same pass.

#include "kernels/batch_norm/channel_moments.cuh"
#include "kernels/common/stream.h"

namespace engram::kernels::cuda {

/// scale = gamma invstd, where invstd is given or 1 / sqrt(var + eps).
struct ChannelScale {
  const float* invstd;  ///< or null: from var
  const float* var;
  float eps;
  const float* gamma;  ///< or null: 1

  __device__ __forceinline__ float inverse(int channel) const {
    return invstd ? invstd[channel] : 1.f / sqrtf(var[channel] + eps);
  }
  __device__ __forceinline__ float operator()(int channel) const {
    return gamma ? gamma[channel] * inverse(channel) : inverse(channel);
  }
};

struct AffineMap {
  ActivationShape shape;
  const float* x;
  const float* residual;  ///< or null
  const float* center;
  ChannelScale scale;
  const float* shift;  ///< or null: 0
  Activation activation;
  float slope;
  float* y;             ///< or null: moments only
  std::uint16_t* mask;  ///< or null
};

/// Computes y and mask.
void launch_affine(Stream stream, const AffineMap& map);

/// Computes y and mask (if y is wanted) and leaves the moments of x in `memory` (channel_partials_floats floats). One
/// read of x where the layout allows packs.
MomentPartials launch_affine_moments(Stream stream, const AffineMap& map, float* memory);

/// Where launch_affine_moments leaves the moments.
MomentPartials affine_moments(const AffineMap& map, float* memory);

}  // namespace engram::kernels::cuda
