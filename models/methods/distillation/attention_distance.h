#pragma once
/// Distance of attention maps (Zagoruyko and Komodakis 2017; docs/methods/distillation.md, "AT").

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// Mean squared difference of the attention maps (spatial_attention) of two features, the larger one averaged down
/// before it is squared.
/// No gradient flows to the teacher's.
Tensor attention_distance(const Tensor& student, const Tensor& teacher);

}  // namespace engram
