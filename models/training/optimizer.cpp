#include "models/training/optimizer.h"

#include "models/init.h"

namespace engram {
namespace {

/// A copy of x on a device.
Tensor copy_on(const Tensor& x, const Device& device) {
  return x.device() == device ? x.clone() : x.to(device);
}

/// A copy of the entry `name`, which must have the parameter's extents.
Tensor restored(const StateDict& state, const std::string& name, const Tensor& like) {
  const auto it = state.find(name);
  if (it == state.end()) throw DataError(message("[optimizer] expected the state '", name, "', found none"));
  if (it->second.shape() != like.shape())
    throw DataError(message("[optimizer] expected the state '", name, "' with shape ", to_string(like.shape()),
                            ", got ", it->second.describe()));
  return copy_on(it->second, like.device());
}

}  // namespace

OptimizerKind parse_optimizer(const std::string& text) {
  if (text == "sgd") return OptimizerKind::kSgd;
  if (text == "adam") return OptimizerKind::kAdam;
  if (text == "adamw") return OptimizerKind::kAdamW;
  throw UsageError(message("[optimizer] expected sgd, adam or adamw, got '", text, "'"));
}

Optimizer::Optimizer(std::vector<NamedTensor> parameters, const OptimizerOptions& options) : options_(options) {
  Group decayed, plain;
  decayed.weight_decay = options.weight_decay;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Group& group = options.decay_vectors || parameters[i].tensor.rank() > 1 ? decayed : plain;
    group.tensors.push_back(parameters[i].tensor);
    group.positions.push_back(i);
    group.parameters.push_back(std::move(parameters[i]));
  }
  for (Group* group : {&decayed, &plain})
    if (!group->tensors.empty()) groups_.push_back(std::move(*group));
}

void Optimizer::step(const std::vector<Tensor>& gradients, float lr, const Tensor& grad_scale) {
  update(gradients, lr, {}, grad_scale);
}

void Optimizer::step(const std::vector<Tensor>& gradients, const Tensor& device_lr, const Tensor& grad_scale) {
  update(gradients, 0, device_lr, grad_scale);
}

void Optimizer::update(const std::vector<Tensor>& gradients, float lr, const Tensor& device_lr,
                       const Tensor& grad_scale) {
  for (Group& group : groups_) {
    std::vector<Tensor> chosen;
    for (std::size_t position : group.positions) chosen.push_back(gradients.at(position));
    if (options_.kind == OptimizerKind::kSgd) {
      sgd_step(group.tensors, chosen, group.momentum,
               {.lr = lr,
                .device_lr = device_lr,
                .momentum = options_.momentum,
                .weight_decay = group.weight_decay,
                .nesterov = options_.nesterov},
               grad_scale);
    } else {
      adam_step(group.tensors, chosen, group.adam,
                {.lr = lr,
                 .device_lr = device_lr,
                 .beta1 = options_.beta1,
                 .beta2 = options_.beta2,
                 .eps = options_.eps,
                 .weight_decay = group.weight_decay,
                 .decoupled_decay = options_.kind == OptimizerKind::kAdamW},
                grad_scale);
    }
  }
}

StateDict Optimizer::state() const {
  StateDict state;
  for (const Group& group : groups_) {
    for (std::size_t i = 0; i < group.momentum.size(); ++i)
      if (group.momentum[i].defined()) state["momentum." + group.parameters[i].name] = group.momentum[i];
    for (std::size_t i = 0; i < group.adam.size(); ++i) {
      if (!group.adam[i].m.defined()) continue;
      const std::string& name = group.parameters[i].name;
      state["adam_m." + name] = group.adam[i].m;
      state["adam_v." + name] = group.adam[i].v;
      state["adam_step." + name] = group.adam[i].step;
    }
  }
  return state;
}

void Optimizer::load_state(const StateDict& state) {
  for (Group& group : groups_) {
    std::vector<Tensor> momentum(group.tensors.size());
    std::vector<AdamState> adam(group.tensors.size());
    bool any = false;
    for (std::size_t i = 0; i < group.tensors.size(); ++i) {
      const std::string& name = group.parameters[i].name;
      if (options_.kind == OptimizerKind::kSgd) {
        if (!state.count("momentum." + name)) continue;  // a parameter that has not been stepped yet
        momentum[i] = restored(state, "momentum." + name, group.tensors[i]);
      } else {
        if (!state.count("adam_m." + name)) continue;
        adam[i].m = restored(state, "adam_m." + name, group.tensors[i]);
        adam[i].v = restored(state, "adam_v." + name, group.tensors[i]);
        const auto step = state.find("adam_step." + name);
        if (step == state.end() || step->second.numel() != 1 || step->second.dtype() != DType::kI32)
          throw DataError(message("[optimizer] expected the state 'adam_step.", name, "' with one i32, found none"));
        adam[i].step = copy_on(step->second, group.tensors[i].device());
      }
      any = true;
    }
    if (!any) continue;
    if (options_.kind == OptimizerKind::kSgd)
      group.momentum = std::move(momentum);
    else
      group.adam = std::move(adam);
  }
}

}  // namespace engram
