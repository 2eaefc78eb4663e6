#pragma once
/// Optimisers over the named parameters of a module, with state that can be saved.

#include <string>
#include <vector>

#include "engine/optim_step.h"
#include "models/module.h"
#include "models/training/state_visitor.h"

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

  /// Queues zeros over the momenta of SGD, as if the next step were the first.
  void forget_momentum();

  /// Shows all that the next step depends on: "<name>.started", a 1 for each parameter that has been stepped, and for
  /// those "<name>.momentum.<parameter>" (SGD with momentum), or "<name>.adam_m", "adam_v" and "adam_step". Restores
  /// them from a visitor that restores. Throws DataError for a list of another length.
  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  void update(const std::vector<Tensor>& gradients, float lr, const Tensor& device_lr, const Tensor& grad_scale);

  /// The tensors of a parameter's state, with the words before its name; made when `make` is on and there are none.
  std::vector<NamedTensor> state_of(std::size_t group, std::size_t parameter, bool make);

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
