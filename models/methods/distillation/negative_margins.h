#pragma once
/// The margins behind which overhaul distillation compares maps (Heo et al. 2019; docs/methods/distillation.md, "OD").

#include "models/layers.h"

namespace engram {

/// For each channel of a batch normalisation with weight g and bias b the expectation of the negative part of
/// N(b, g^2): b - s phi(-b/s) / Phi(-b/s) with s = |g|, or -3 s where Phi(-b/s) is at most 0.001. [1,C,1,1], rounded
/// to f32 as in the released code. Reads the layer on the host.
Tensor negative_margins(const BatchNorm2d& bn);

}  // namespace engram
