#pragma once
/// The parts of a network, as a graph knows them.

#include <utility>
#include <vector>

#include "models/module.h"

namespace engram {

/// The parameters that a tensor with a graph depends on, and the others, each in their order.
std::pair<std::vector<NamedTensor>, std::vector<NamedTensor>> below_and_above(const std::vector<NamedTensor>& all,
                                                                              const Tensor& result);

}  // namespace engram
