#pragma once
/// The second-order path of fused operations: the same operation written in differentiable primitives.
/// Threads: as engine/autograd.h says.
#include <functional>
#include <initializer_list>
#include <vector>

#include "engine/autograd.h"

namespace engram {

/// From the operation's inputs (some may be undefined) to its outputs, in recorded operations.
using Composite = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// The gradients that a backward function returns, one for each input, taken through `composite` and differentiable
/// again. To be called with recording on (BackwardContext::create_graph). `grad_outputs` holds one gradient for each
/// output of the composite, undefined where none came. Entries that were not asked for stay undefined.
std::vector<Tensor> composite_gradients(BackwardContext& context, const std::vector<Tensor>& inputs,
                                        const std::vector<Tensor>& grad_outputs, const Composite& composite);

/// Gradients by a fused kernel: from what the backward function sees and the operation's inputs, as BackwardFunction.
using FusedGradients = std::function<std::vector<Tensor>(BackwardContext&, const std::vector<Tensor>&)>;

/// Records a fused operation, if `needs_record(inputs)`: its gradients come from `fused`, and those that must be
/// differentiable from `composite`, the operation itself in recorded operations. Both are handed the inputs as they
/// were; constants among these are detached. An output that `fused` needs it keeps as Saved::output.
void record_fused(const char* name, const std::vector<Tensor>& inputs, std::initializer_list<Tensor*> outputs,
                  FusedGradients fused, Composite composite);

}  // namespace engram
