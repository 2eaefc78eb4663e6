#pragma once
/// The second-order path of fused operations: the same operation written in differentiable primitives.
/// Threads: as engine/autograd.h says.
#include <functional>
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

}  // namespace engram
