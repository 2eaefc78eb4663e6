#pragma once
/// Refuses what a network computed where it overflowed.

#include <span>

#include "models/nets/network.h"

namespace engram {

/// Throws DataError where one of `outputs`, which `network` made of `images` [N,C,H,W] in evaluation mode, is not
/// finite; the message begins with `op`, says `what` they are ("logits") and names the first layer whose output is not.
void check_finite_outputs(const char* op, const char* what, Network& network, const Tensor& images,
                          std::span<const float> outputs);

}  // namespace engram
