#pragma once
/// Passes over an activation with per-channel coefficients, shared by batch_norm and bn_stats_match (CPU only).
///
/// The activation is walked as vectors of 16 consecutive floats. In the 16-blocked layout a vector is one pixel of 16
/// channels; in other layouts its lanes take the coefficients of the channel that each lane belongs to.

#include <cstddef>

#include "kernels/common/activation_function.h"

namespace engram::kernels {

/// y = act((x - center) scale + shift (+ residual)); mask as in activation_function.h.
struct AffineMap {
  ActivationShape shape;
  const float* x;
  const float* residual;  ///< or null
  const float* center;
  const float* scale;
  const float* shift;
  Activation activation;
  float slope;
  float* y;
  std::uint16_t* mask;  ///< or null
};

/// The gradient of an activation: d = grad_y + grad_y2, times `slope` (0 for kRelu) where the mask bit is clear.
struct MaskedGradient {
  const float* grad_y;   ///< or null: d = 0
  const float* grad_y2;  ///< or null
  const std::uint16_t* mask;
  Activation activation;
  float slope;
};

/// grad_x = scale d + slope_x (x - center) + shift, and grad_residual = d.
struct GradientMap {
  ActivationShape shape;
  MaskedGradient gradient;
  const float* x;  ///< null: no term in x, and center, slope_x, shift are not read
  const float* scale;
  const float* center;
  const float* slope_x;
  const float* shift;
  float* grad_x;         ///< or null
  float* grad_residual;  ///< or null
};

/// Where the statistics of each channel go, [c] each.
struct ChannelMoments {
  float* mean;
  float* var;  ///< biased
};

/// Runs an AffineMap.
void affine_pass(const AffineMap& map);

/// Mean and biased variance of each channel of x; `partials` holds channel_partials_count floats.
void moments_pass(const ActivationShape& shape, const float* x, const ChannelMoments& out, float* partials);

/// affine_pass and moments_pass of the same x, with one read of x in the 16-blocked layout.
void affine_moments_pass(const AffineMap& map, const ChannelMoments& out, float* partials);

/// sum_d[c] = sum d, sum_dx[c] = sum d (x - center); x null: sum_d only (sum_dx is set to 0).
void gradient_sums_pass(const ActivationShape& shape, const MaskedGradient& gradient, const float* x,
                        const float* center, float* sum_d, float* sum_dx, float* partials);

/// Runs a GradientMap.
void gradient_pass(const GradientMap& map);

/// Floats that the partial sums of any pass need.
dim_t channel_partials_count(const ActivationShape& shape);

}  // namespace engram::kernels
