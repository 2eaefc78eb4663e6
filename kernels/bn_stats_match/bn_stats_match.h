#pragma once
/// Batch normalisation with frozen (running) statistics, fused with a residual sum, an activation and the loss that
/// matches the statistics of its input to the running ones: the BN regulariser of DeepInversion and NaturalInversion.
///
/// All activations are f32 in the layout of one ActivationShape; per-channel vectors are f32 [c]. Pointers marked "or
/// null" are optional. Results do not depend on the number of threads.

#include <cstddef>

#include "kernels/common/activation_function.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// y = act(gamma (x - running_mean) / sqrt(running_var + eps) + beta (+ residual)), and of x per channel
///   batch_mean, batch_var (biased, over the m = n h w values),
///   var_norm = ||running_var - batch_var||_2, mean_norm = ||running_mean - batch_mean||_2 over the channels.
/// One read of x in the 16-blocked layout. The variance is taken from sums shifted by a value of the data, so a large
/// mean does not cancel. y may be x or residual.
struct BnStatsMatchArgs {
  ActivationShape shape;
  const float* x;
  const float* residual;  ///< or null
  const float* gamma;     ///< or null: 1
  const float* beta;      ///< or null: 0
  const float* running_mean;
  const float* running_var;
  float eps;
  Activation activation;
  float slope;
  float* y;             ///< or null: statistics only
  std::uint16_t* mask;  ///< [activation_mask_words], or null
  float* batch_mean;    ///< [c] out
  float* batch_var;     ///< [c] out
  float* var_norm;      ///< scalar out
  float* mean_norm;     ///< scalar out
  void* workspace;      ///< workspace_bytes, aligned to 64
  /// true: batch_mean, batch_var and the norms need not be complete before `finish` has been called with the same
  /// arguments; all that they point to, the workspace too, lives until then.
  bool defer_statistics = false;
};

/// Completes the statistics of forward calls that deferred them, a whole network's at once.
struct BnStatsMatchFinishArgs {
  const BnStatsMatchArgs* layers;  ///< in host memory
  int num_layers;
};

/// The gradient of BnStatsMatchArgs to x and to the residual, in one pass. With d = act'(grad_y + grad_y2) and
/// s = gamma / sqrt(running_var + eps):
///   grad_x = s d + grad_var_norm 2 (batch_var - running_var) / (m var_norm) (x - batch_mean)
///                + grad_mean_norm (batch_mean - running_mean) / (m mean_norm),
/// where a norm of 0 has no gradient; grad_residual = d. grad_x or grad_residual may be grad_y or grad_y2.
struct BnStatsMatchBackwardArgs {
  ActivationShape shape;
  const float* x;             ///< null only when both norms have no gradient
  const float* grad_y;        ///< or null: statistics only
  const float* grad_y2;       ///< added to grad_y, or null
  const std::uint16_t* mask;  ///< of the forward call; unused without an activation or without grad_y
  Activation activation;
  float slope;
  const float* gamma;  ///< or null: 1
  const float* running_mean;
  const float* running_var;
  float eps;
  const float* batch_mean;
  const float* batch_var;
  const float* var_norm;
  const float* mean_norm;
  const float* grad_var_norm;   ///< scalar, or null: 0
  const float* grad_mean_norm;  ///< scalar, or null: 0
  float* grad_x;                ///< or null
  float* grad_residual;         ///< or null; needs grad_y
  void* workspace;              ///< workspace_bytes, aligned to 64
};

/// Entry points of one back end.
struct BnStatsMatchKernels {
  void (*forward)(Stream, const BnStatsMatchArgs&);
  void (*backward)(Stream, const BnStatsMatchBackwardArgs&);
  /// On the CPU nothing is left to do: forward calls never defer there.
  void (*finish)(Stream, const BnStatsMatchFinishArgs&);
  /// Bytes of workspace that a forward or backward call needs for this shape.
  std::size_t (*workspace_bytes)(const ActivationShape&);
};

/// x and residual read, y (if wanted) and mask written.
Cost bn_stats_match_cost(const ActivationShape& shape, bool output, bool residual, bool mask);
/// x (if a norm has a gradient), `gradients` (0 to 2) incoming gradients and mask read, grad_x and grad_residual
/// written.
Cost bn_stats_match_backward_cost(const ActivationShape& shape, bool statistics, int gradients, bool residual,
                                  bool mask);

/// The CPU back end.
extern const BnStatsMatchKernels kCpuBnStatsMatch;
/// The CUDA back end; defined where its kernels are linked.
extern const BnStatsMatchKernels kCudaBnStatsMatch;

/// Plain loops in double over the same layouts: the oracle of the tests. No pointer but residual, pre and grad_y is
/// optional.
namespace reference {

struct BnStatsMatch {
  ActivationShape shape;
  const double* x;
  const double* residual;
  const double* gamma;
  const double* beta;
  const double* running_mean;
  const double* running_var;
  double eps;
  Activation activation;
  double slope;
  double* pre;  ///< value before the activation, or null
  double* y;
  double* batch_mean;
  double* batch_var;
  double var_norm = 0;
  double mean_norm = 0;
};

/// Fills y, pre, batch_mean, batch_var and the norms.
void bn_stats_match(BnStatsMatch& args);

/// From the results of `forward` and the total gradients of its outputs; grad_y or null.
void bn_stats_match_backward(const BnStatsMatch& forward, const double* grad_y, double grad_var_norm,
                             double grad_mean_norm, double* grad_x, double* grad_residual);

}  // namespace reference

}  // namespace engram::kernels
