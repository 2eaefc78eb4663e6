#pragma once
/// MIRO (Cha et al. 2022): features that tell as much about a pre-trained network's as can be.

#include "engine/tensor.h"

namespace engram {

/// Half the mean of (f - f0)^2 / s + log s over maps [N,C,H,W], s = softplus(b) + eps a channel, b [1,C,1,1]. f0 is a
/// constant. May be negative: differences count.
Tensor miro_penalty(const Tensor& maps, const Tensor& pretrained, const Tensor& b, double eps = 1e-5);

/// The b for which s = 0.1.
double miro_start(double eps = 1e-5);

}  // namespace engram
