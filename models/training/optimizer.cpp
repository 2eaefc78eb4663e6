#include "models/training/optimizer.h"

#include "models/init.h"

namespace engram {

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

std::vector<NamedTensor> Optimizer::state_of(std::size_t group, std::size_t parameter, bool make) {
  Group& g = groups_[group];
  const Tensor& like = g.tensors[parameter];
  const auto ready = [&](Tensor& tensor, const Shape& shape, DType dtype, Layout layout) -> Tensor& {
    if (make && !tensor.defined()) tensor = Tensor::empty(shape, dtype, like.device(), layout);
    return tensor;
  };
  if (options_.kind == OptimizerKind::kSgd) {
    if (options_.momentum == 0) return {};
    g.momentum.resize(g.tensors.size());
    return {{"momentum", ready(g.momentum[parameter], like.shape(), DType::kF32, like.layout())}};
  }
  g.adam.resize(g.tensors.size());
  AdamState& adam = g.adam[parameter];
  return {{"adam_m", ready(adam.m, like.shape(), DType::kF32, like.layout())},
          {"adam_v", ready(adam.v, like.shape(), DType::kF32, like.layout())},
          {"adam_step", ready(adam.step, {1}, DType::kI32, Layout::kStrided)}};
}

void Optimizer::forget_momentum() {
  for (const Group& group : groups_)
    for (const Tensor& momentum : group.momentum)
      if (momentum.defined()) copy_into(momentum, Tensor::zeros(momentum.shape(), momentum.device()));
}

void Optimizer::visit_state(const std::string& name, StateVisitor& visitor) {
  std::vector<std::int64_t> started;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].tensors.size(); ++i) {
      const std::vector<NamedTensor> state = state_of(g, i, false);
      started.push_back(!state.empty() && state[0].tensor.defined());
    }
  const std::size_t parameters = started.size();
  visitor.visit(name + ".started", started);
  if (started.size() != parameters)
    throw DataError(
        message("[resume] expected '", name, "' to be of ", parameters, " parameters, got ", started.size()));
  std::size_t next = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].tensors.size(); ++i)
      if (started[next++] != 0)
        for (const NamedTensor& part : state_of(g, i, true))
          visitor.visit(name + "." + part.name + "." + groups_[g].parameters[i].name, part.tensor);
}

}  // namespace engram
