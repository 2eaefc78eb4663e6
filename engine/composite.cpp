#include "engine/composite.h"

#include <utility>

namespace engram {
namespace {

/// The same values as the result of a new operation, so that a gradient to it does not include paths through its
/// ancestors.
Tensor identity(const Tensor& x) {
  if (!needs_record({x})) return x;
  Tensor y = x.detach();
  record("identity", {x}, {&y}, [](BackwardContext& context) -> std::vector<Tensor> { return {context.grad()}; });
  return y;
}

}  // namespace

std::vector<Tensor> composite_gradients(BackwardContext& context, const std::vector<Tensor>& inputs,
                                        const std::vector<Tensor>& grad_outputs, const Composite& composite) {
  std::vector<Tensor> local, wanted, outputs, seeds;
  for (const Tensor& input : inputs) local.push_back(input.defined() ? identity(input) : Tensor());
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.needs(int(i))) continue;
    positions.push_back(i);
    wanted.push_back(local[i]);
  }
  const std::vector<Tensor> results = composite(local);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!grad_outputs[i].defined() || !results[i].requires_grad()) continue;
    outputs.push_back(results[i]);
    seeds.push_back(grad_outputs[i]);
  }
  std::vector<Tensor> gradients(inputs.size());
  if (outputs.empty() || wanted.empty()) return gradients;
  const auto found = grad(outputs, wanted, {.create_graph = true, .allow_unused = true, .grad_outputs = seeds});
  for (std::size_t i = 0; i < positions.size(); ++i) gradients[positions[i]] = found[i];
  return gradients;
}

void record_fused(const char* name, const std::vector<Tensor>& inputs, std::initializer_list<Tensor*> outputs,
                  FusedGradients fused, Composite composite) {
  if (!needs_record(inputs)) return;
  record(name, inputs, outputs,
         [saved = std::vector<Saved>(inputs.begin(), inputs.end()), results = int(outputs.size()),
          fused = std::move(fused), composite = std::move(composite)](BackwardContext& context) {
           std::vector<Tensor> in, grads;
           for (const Saved& one : saved) in.push_back(context.get(one));
           if (!context.create_graph()) return fused(context, in);
           for (int i = 0; i < results; ++i) grads.push_back(context.grad(i));
           return composite_gradients(context, in, grads, composite);
         });
}

}  // namespace engram
