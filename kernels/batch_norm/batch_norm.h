#pragma once
/// Batch normalisation over (n, h, w) per channel, fused with a residual sum and an activation.
///
/// All activations are f32 in the layout of one ActivationShape; per-channel vectors are f32 [c]. Pointers marked
/// "or null" are optional. Results do not depend on the number of threads: partial sums belong to fixed chunks and are
/// merged in order, in double.

#include <cstddef>

#include "kernels/common/activation_function.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// Training forward: mean and biased variance of the batch (Ioffe and Szegedy 2015),
///   y = act(gamma (x - mean) invstd + beta (+ residual)),  invstd = 1 / sqrt(var + eps),
///   running_mean = (1 - momentum) running_mean + momentum mean, and running_var likewise with the unbiased variance
///   (PyTorch's convention; left alone where a channel has a single value).
/// y may be x or residual.
struct BatchNormTrainArgs {
  ActivationShape shape;
  const float* x;
  const float* residual;  ///< or null
  const float* gamma;     ///< or null: 1
  const float* beta;      ///< or null: 0
  float* running_mean;    ///< updated, or null
  float* running_var;     ///< updated, or null
  float momentum;
  float eps;
  Activation activation;
  float slope;
  float* y;
  std::uint16_t* mask;  ///< [activation_mask_words], or null
  float* mean;          ///< [c] out
  float* invstd;        ///< [c] out
  void* workspace;      ///< workspace_bytes, aligned to 64
};

/// Gradients of BatchNormTrainArgs from d = act'(grad_y + grad_y2): two passes over the activations.
/// grad_x or grad_residual may be grad_y or grad_y2.
struct BatchNormTrainBackwardArgs {
  ActivationShape shape;
  const float* x;
  const float* grad_y;
  const float* grad_y2;       ///< added to grad_y, or null
  const std::uint16_t* mask;  ///< of the forward call; unused without an activation
  Activation activation;
  float slope;
  const float* mean;
  const float* invstd;
  const float* gamma;    ///< or null: 1
  float* grad_x;         ///< or null
  float* grad_residual;  ///< d, or null
  float* grad_gamma;     ///< or null
  float* grad_beta;      ///< or null
  void* workspace;       ///< workspace_bytes, aligned to 64
};

/// Evaluation forward, with given statistics: y = act(gamma (x - mean) / sqrt(var + eps) + beta (+ residual)).
/// y may be x or residual.
struct BatchNormEvalArgs {
  ActivationShape shape;
  const float* x;
  const float* residual;  ///< or null
  const float* gamma;     ///< or null: 1
  const float* beta;      ///< or null: 0
  const float* mean;
  const float* var;
  float eps;
  Activation activation;
  float slope;
  float* y;
  std::uint16_t* mask;  ///< or null
  void* workspace;      ///< workspace_bytes, aligned to 64
};

/// Gradients of BatchNormEvalArgs; mean and var are constants. One pass, and one more before it for grad_gamma or
/// grad_beta.
struct BatchNormEvalBackwardArgs {
  ActivationShape shape;
  const float* x;  ///< read for grad_gamma only; else null will do
  const float* grad_y;
  const float* grad_y2;       ///< added to grad_y, or null
  const std::uint16_t* mask;  ///< of the forward call; unused without an activation
  Activation activation;
  float slope;
  const float* mean;
  const float* var;
  float eps;
  const float* gamma;    ///< or null: 1
  float* grad_x;         ///< or null
  float* grad_residual;  ///< or null
  float* grad_gamma;     ///< or null
  float* grad_beta;      ///< or null
  void* workspace;       ///< workspace_bytes, aligned to 64
};

/// Entry points of one back end.
struct BatchNormKernels {
  void (*train)(Stream, const BatchNormTrainArgs&);
  void (*train_backward)(Stream, const BatchNormTrainBackwardArgs&);
  void (*eval)(Stream, const BatchNormEvalArgs&);
  void (*eval_backward)(Stream, const BatchNormEvalBackwardArgs&);
  /// Bytes of workspace that any call of the family needs for this shape.
  std::size_t (*workspace_bytes)(const ActivationShape&);
};

/// x read twice (statistics, apply), residual and mask once, y written.
Cost batch_norm_train_cost(const ActivationShape& shape, bool residual, bool mask);
/// x, mask and `gradients` (1 or 2) incoming gradients read twice, grad_x and optionally grad_residual written.
Cost batch_norm_train_backward_cost(const ActivationShape& shape, int gradients, bool residual, bool mask);
/// x and residual read, y and mask written.
Cost batch_norm_eval_cost(const ActivationShape& shape, bool residual, bool mask);
/// Incoming gradients and mask read, grad_x and optionally grad_residual written; parameter gradients read x and all of
/// those once more.
Cost batch_norm_eval_backward_cost(const ActivationShape& shape, int gradients, bool residual, bool mask,
                                   bool parameters);

/// The CPU back end.
extern const BatchNormKernels kCpuBatchNorm;
/// The CUDA back end; defined where its kernels are linked.
extern const BatchNormKernels kCudaBatchNorm;

/// Plain loops in double over the same layouts: the oracle of the tests.
namespace reference {

/// Operands of a forward call. mean and var are outputs of `batch_norm_train` and inputs of `batch_norm_eval`.
struct BatchNormForward {
  ActivationShape shape;
  const double* x;
  const double* residual;
  const double* gamma;
  const double* beta;
  double eps;
  Activation activation;
  double slope;
  double* mean;
  double* var;  ///< biased
  double* pre;  ///< value before the activation, or null
  double* y;
};

/// Operands of a backward call, with the total gradient of y and the pre-activation of the forward call.
struct BatchNormBackward {
  ActivationShape shape;
  const double* x;
  const double* grad_y;
  const double* pre;
  const double* gamma;
  double eps;
  Activation activation;
  double slope;
  const double* mean;
  const double* var;
  double* grad_x;
  double* grad_residual;
  double* grad_gamma;
  double* grad_beta;
};

void batch_norm_train(const BatchNormForward& args);
void batch_norm_eval(const BatchNormForward& args);
void batch_norm_train_backward(const BatchNormBackward& args);
void batch_norm_eval_backward(const BatchNormBackward& args);

}  // namespace reference

}  // namespace engram::kernels
