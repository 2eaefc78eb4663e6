#pragma once
/// One optimiser step over many parameters in one parallel loop or launch: SGD with momentum, Adam, AdamW, running
/// averages, and the norm of all gradients with the factor that clips it. Update rules and their order are PyTorch's
/// (torch.optim, one tensor at a time).
///
/// Lists of tensors lie in host memory. What changes from step to step (learning rate, step counts, the clip factor) is
/// read through pointers into the back end's memory, so that a captured sequence of kernels can be replayed.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// One parameter of an SGD step. All arrays hold `count` dense values.
struct SgdTensor {
  float* param;
  const float* grad;
  float* momentum;  ///< may be null when SgdArgs::momentum is 0
  dim_t count;
  bool first_step;  ///< true: the momentum buffer is set to the gradient, not read
};

/// g = *grad_scale grad + weight_decay p;  m = first_step ? g : momentum m + g;  d = nesterov ? g + momentum m : m;  p
/// -= lr d. Without momentum d = g. Dampening is 0.
struct SgdArgs {
  const SgdTensor* tensors;
  int num_tensors;
  const float* lr;  ///< scalar
  float momentum;
  float weight_decay;
  bool nesterov;
  const float* grad_scale = nullptr;  ///< scalar, or null for 1
};

/// One parameter of an Adam step. All arrays hold `count` dense values; m and v start as zeros.
struct AdamTensor {
  float* param;
  const float* grad;
  float* m;
  float* v;
  dim_t count;
  std::int32_t* step;  ///< scalar: steps taken before this one; raised by 1
};

/// g = *grad_scale grad;  decoupled_decay (AdamW): p *= 1 - lr weight_decay, else (Adam): g += weight_decay p;
/// with the raised step
/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
/// p -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps).
struct AdamArgs {
  const AdamTensor* tensors;
  int num_tensors;
  const float* lr;  ///< scalar
  double beta1;     ///< double, because 1 - beta loses digits in f32
  double beta2;
  float eps;
  float weight_decay;
  bool decoupled_decay;
  const float* grad_scale = nullptr;  ///< scalar, or null for 1
};

/// One running average: average = decay average + (1 - decay) value.
struct EmaTensor {
  float* average;
  const float* value;
  dim_t count;
};

struct EmaArgs {
  const EmaTensor* tensors;
  int num_tensors;
  double decay;
};

/// Where *loss < *best: average = value for each tensor (an exact copy), and *best = *loss. Else, and for a loss that
/// is not a number, nothing is changed. The comparison is the back end's, so that a captured step can keep its best
/// result.
struct KeepBestArgs {
  const EmaTensor* tensors;  ///< average: the kept copy
  int num_tensors;
  const float* loss;  ///< scalar
  float* best;        ///< scalar
};

/// One gradient of a norm.
struct GradTensor {
  const float* grad;
  dim_t count;
};

/// norm = Euclidean norm of all gradients together; factor = min(1, max_norm / (norm + 1e-6)), the `grad_scale` of a
/// step that clips.
struct GradNormArgs {
  const GradTensor* tensors;
  int num_tensors;
  float max_norm;
  double* workspace;  ///< grad_norm_workspace_bytes
  float* norm;        ///< scalar
  float* factor;      ///< scalar
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct OptimStepKernels {
  void (*sgd)(Stream, const SgdArgs&);
  void (*adam)(Stream, const AdamArgs&);
  void (*ema)(Stream, const EmaArgs&);
  void (*keep_best)(Stream, const KeepBestArgs&);
  void (*grad_norm)(Stream, const GradNormArgs&);
  /// Bytes of GradNormArgs::workspace for these tensors; only their counts are looked at.
  std::size_t (*grad_norm_workspace_bytes)(const GradTensor* tensors, int num_tensors);
};

/// Parameter and momentum read and written, gradient read; without momentum the buffer is not touched.
Cost sgd_cost(dim_t total_count, bool momentum);
/// Parameter, m, v read and written, gradient read.
Cost adam_cost(dim_t total_count);
/// Average read and written, value read.
Cost ema_cost(dim_t total_count);
/// Value read, kept copy written: what a better loss costs; another one moves nothing.
Cost keep_best_cost(dim_t total_count);
/// Gradients read.
Cost grad_norm_cost(dim_t total_count);

/// The CPU back end.
extern const OptimStepKernels kCpuOptimStep;
/// The CUDA back end; defined where its kernels are linked.
extern const OptimStepKernels kCudaOptimStep;

/// Plain loops in double over one tensor: the oracle of the tests. `momentum_buffer` may be null when momentum is 0.
namespace reference {
void sgd(double* param, const double* grad, double* momentum_buffer, dim_t count, bool first_step, double lr,
         double momentum, double weight_decay, bool nesterov, double grad_scale);
void adam(double* param, const double* grad, double* m, double* v, dim_t count, std::int64_t step, double lr,
          double beta1, double beta2, double eps, double weight_decay, bool decoupled_decay, double grad_scale);
}  // namespace reference

}  // namespace engram::kernels
