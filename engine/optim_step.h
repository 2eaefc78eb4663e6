#pragma once
/// Fused optimiser steps over lists of tensors. Update rules are PyTorch's (see kernels/optim_step/optim_step.h).
/// Parameters are overwritten in place and their storage versions rise; nothing is recorded. Parameters must be dense
/// f32 and may have any layout; a gradient of another layout is converted. Entries with an undefined gradient are
/// skipped, and their state is left as it is. State is like its parameter to the layout; where it is not, or a scalar
/// has more than one element, ShapeError. All on one device, or DeviceError.
///
/// Threads: a step writes parameters and state, so no other thread may use them meanwhile.

#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace engram {

struct SgdOptions {
  float lr = 0.1f;
  Tensor device_lr = {};  ///< scalar on the parameters' device, read by the step itself, in place of `lr`; or undefined
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
};

/// One step. `momentum` holds one buffer a parameter; it is resized, and a buffer is made in the parameter's first
/// step. `grad_scale` is a scalar that multiplies every gradient, or undefined. Throws ShapeError when lists or shapes
/// do not fit.
void sgd_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads, std::vector<Tensor>& momentum,
              const SgdOptions& options, const Tensor& grad_scale = {});

struct AdamOptions {
  float lr = 1e-3f;
  Tensor device_lr = {};  ///< as in SgdOptions
  double beta1 = 0.9;
  double beta2 = 0.999;
  float eps = 1e-8f;
  float weight_decay = 0;
  bool decoupled_decay = false;  ///< AdamW
};

/// Running averages of one parameter's gradient and squared gradient, and the steps taken.
struct AdamState {
  Tensor m, v;
  Tensor step;  ///< i32 [1]; undefined before the first step
};

/// One step of Adam or AdamW. `state` is resized, and a parameter's averages are made in its first step. See sgd_step
/// for the rest.
void adam_step(const std::vector<Tensor>& params, const std::vector<Tensor>& grads, std::vector<AdamState>& state,
               const AdamOptions& options, const Tensor& grad_scale = {});

/// average = decay average + (1 - decay) value for each pair.
void ema_step(const std::vector<Tensor>& averages, const std::vector<Tensor>& values, double decay);

/// Where loss < best (scalars): kept = values, an exact copy, and best = loss. The device compares, so that the host
/// need not wait, and a captured step can keep its best result.
void keep_best_step(const std::vector<Tensor>& kept, const std::vector<Tensor>& values, const Tensor& loss,
                    const Tensor& best);

struct GradNorm {
  Tensor norm;    ///< scalar: Euclidean norm of all gradients together
  Tensor factor;  ///< scalar: min(1, max_norm / (norm + 1e-6)), to be passed as `grad_scale`
};

/// Norm of the gradients and the factor that clips it to `max_norm`. Undefined gradients are skipped.
GradNorm grad_norm(const std::vector<Tensor>& grads, float max_norm);

}  // namespace engram
