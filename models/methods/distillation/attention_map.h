#pragma once
/// Attention maps (Zagoruyko and Komodakis 2017; docs/methods/distillation.md, "AT").

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// The mean over the channels of the squares of [N,C,H,W], as unit rows [N,H W].
Tensor attention_map(const Tensor& feature);

/// Mean squared difference of the attention maps of two features, the larger one averaged down before it is squared.
/// No gradient flows to the teacher's.
Tensor attention_distance(const Tensor& student, const Tensor& teacher);

}  // namespace engram
