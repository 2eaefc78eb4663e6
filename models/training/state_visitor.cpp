#include "models/training/state_visitor.h"

#include "models/nets/network.h"
#include "models/training/optimizer.h"

namespace engram {

void StateVisitor::visit(const std::string& name, Module& module) {
  for (const NamedTensor& entry : module.named_state()) visit(name + "." + entry.name, entry.tensor);
}

void StateVisitor::visit(const std::string& name, Network& network) {
  visit(name, static_cast<Module&>(network));
  visit(name + ".dropout", network.dropout_generator());
}

void StateVisitor::visit(const std::string& name, Optimizer& optimizer) {
  optimizer.visit_state(name, *this);
}

void StateVisitor::visit(const std::string& name, const std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) visit(name + "." + std::to_string(i), tensors[i]);
}

void StateVisitor::visit(const std::string& name, Generator& generator) {
  std::vector<std::int64_t> state = {std::int64_t(generator.seed()), std::int64_t(generator.offset())};
  visit(name, state);
  if (!restores()) return;
  if (state.size() != 2 || std::uint64_t(state[0]) != generator.seed())
    throw DataError(
        message("[resume] expected the random stream '", name, "' of seed ", generator.seed(), ", got another one"));
  generator.set_offset(std::uint64_t(state[1]));
}

}  // namespace engram
