#pragma once
/// Gradients of channel maps: per-channel sums of the incoming gradient, and grad_x = scale d + slope_x (x - center) +
/// shift with d the gradient behind the activation.

#include "kernels/batch_norm/channel_affine.cuh"

namespace engram::kernels::cuda {

/// d = grad_y + grad_y2, times `slope` (0 for a ReLU) where the mask bit is clear.
struct MaskedGradient {
  const float* grad_y;   ///< or null: d = 0
  const float* grad_y2;  ///< or null
  const std::uint16_t* mask;
  Activation activation;
  float slope;

  /// `bits`: mask bits of the pack, the first in bit 0.
  __device__ __forceinline__ float value(float gradient, unsigned bits, int i) const {
    if (activation == Activation::kNone || (bits >> i & 1)) return gradient;
    return slope == 0.f ? 0.f : slope * gradient;
  }
};

/// Per-channel coefficients of grad_x.
struct GradientCoefficients {
  float scale, center, slope_x, shift;
};

/// What the coefficients follow from: frozen statistics (scale only), those of the batch (Ioffe and Szegedy 2015), or
/// frozen ones with the gradient of the matching loss (bn_stats_match.h).
struct GradientSource {
  enum class Kind : std::uint8_t { kFrozen, kBatch, kMatch };
  Kind kind;
  ChannelScale scale;
  const float* center = nullptr;  ///< mean of the batch; unused by kFrozen
  float count = 1;                ///< values a channel
  /// kBatch: sum d, sum d (x - center).
  const float *sum_d = nullptr, *sum_dx = nullptr;
  /// kMatch; the gradients or null.
  const float *batch_var = nullptr, *running_var = nullptr, *running_mean = nullptr;
  const float *var_norm = nullptr, *mean_norm = nullptr, *grad_var_norm = nullptr, *grad_mean_norm = nullptr;

  __device__ GradientCoefficients operator()(int c) const {
    const float factor = scale(c);
    if (kind == Kind::kFrozen) return {factor, 0.f, 0.f, 0.f};
    if (kind == Kind::kBatch) {
      const float invstd = scale.inverse(c);
      return {factor, center[c], -factor * invstd * invstd * (sum_dx[c] / count), -factor * (sum_d[c] / count)};
    }
    return {factor, center[c], 2.f * norm_factor(grad_var_norm, var_norm) * (batch_var[c] - running_var[c]),
            norm_factor(grad_mean_norm, mean_norm) * (center[c] - running_mean[c])};
  }

 private:
  /// gradient / (norm count), 0 where there is no gradient or no norm.
  __device__ float norm_factor(const float* gradient, const float* norm) const {
    return gradient == nullptr || *norm == 0.f ? 0.f : *gradient / (*norm * count);
  }
};

struct GradientMap {
  ActivationShape shape;
  MaskedGradient gradient;
  const float* x;  ///< null: no term in x
  GradientSource source;
  float* grad_x;         ///< or null
  float* grad_residual;  ///< or null
};

/// Computes grad_x and grad_residual = d in one pass.
void launch_gradient(Stream stream, const GradientMap& map);

/// Where the sums of each channel go, [c] each. grad_gamma = sum_dx invstd.
struct GradientSums {
  float *sum_d, *sum_dx;
  float *grad_gamma, *grad_beta;  ///< or null
};

/// sum_d = sum d and sum_dx = sum d (x - center) (0 with a null x), in two stages. `memory`: channel_partials_floats
/// floats.
void launch_gradient_sums(Stream stream, const ActivationShape& shape, const MaskedGradient& gradient, const float* x,
                          const float* center, const ChannelScale& scale, const GradientSums& sums, float* memory);

}  // namespace engram::kernels::cuda
