#pragma once
/// Optimisers over the named parameters of a module, with state that can be saved.

#include <string>
#include <vector>

#include "engine/optim_step.h"
#include "models/module.h"

namespace engram {

/// Which update rule, by PyTorch's definitions.
enum class OptimizerKind { kSgd, kAdam, kAdamW };

/// "sgd", "adam" or "adamw". Throws UsageError for any other text.
OptimizerKind parse_optimizer(const std::string& text);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  float momentum = 0.9f;  ///< SGD
  bool nesterov = true;   ///< SGD
  float weight_decay = 0;
  bool decay_vectors =
      true;  ///< apply the decay to biases and normalisation parameters (rank 1) too, as PyTorch's default does
  double beta1 = 0.9, beta2 = 0.999;  ///< Adam, AdamW
  float eps = 1e-8f;                  ///< Adam, AdamW
};

/// Adam with PyTorch's defaults and no weight decay.
inline OptimizerOptions adam_options() {
  OptimizerOptions options;
  options.kind = OptimizerKind::kAdam;
  return options;
}

/// Updates parameters in place. The learning rate is an argument of each step, so schedules stay outside.
class Optimizer {
 public:
  Optimizer(std::vector<NamedTensor> parameters, const OptimizerOptions& options);

  /// One step along the gradients (one for each parameter, in order; undefined ones are skipped). `grad_scale` as in
  /// sgd_step.
  void step(const std::vector<Tensor>& gradients, float lr, const Tensor& grad_scale = {});
  /// The same with a learning rate (scalar) that lies on the parameters' device and is read there.
  void step(const std::vector<Tensor>& gradients, const Tensor& device_lr, const Tensor& grad_scale = {});

  /// Everything the next step depends on, under "<kind of state>.<parameter name>".
  StateDict state() const;
  /// Restores what `state` gave. Throws DataError that names what is missing or does not fit.
  void load_state(const StateDict& state);

 private:
  void update(const std::vector<Tensor>& gradients, float lr, const Tensor& device_lr, const Tensor& grad_scale);

  /// Parameters that share a weight decay, updated by one call.
  struct Group {
    std::vector<NamedTensor> parameters;
    std::vector<Tensor> tensors;
    std::vector<std::size_t> positions;  // in the list of gradients
    std::vector<Tensor> momentum;
    std::vector<AdamState> adam;
    float weight_decay = 0;
  };

  OptimizerOptions options_;
  std::vector<Group> groups_;
};

}  // namespace engram
