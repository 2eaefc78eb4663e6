#pragma once
/// What overhaul distillation compares (Heo et al. 2019; docs/methods/distillation.md, "OD").

#include "models/layers.h"

namespace engram {

/// For each channel of a batch normalisation with weight g and bias b the expectation of the negative part of
/// N(b, g^2): b - s phi(-b/s) / Phi(-b/s) with s = |g|, or -3 s where Phi(-b/s) is at most 0.001. [1,C,1,1], rounded
/// to f32 as in the released code. Reads the layer on the host.
Tensor negative_margins(const BatchNorm2d& bn);

/// Sum over all elements of (s - t')^2 with t' = max(t, margin), where s > t' or t' > 0; the other elements add
/// nothing. No gradient flows to the teacher's map t.
Tensor margin_distance(const Tensor& student, const Tensor& teacher, const Tensor& margins);

}  // namespace engram
