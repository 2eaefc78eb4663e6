#pragma once
/// The divergence of distributions that nearly agree.

#include "engine/tensor.h"

namespace engram {

/// kl_divergence(student, teacher, 1, 1), with digits in its value where the two nearly agree, as they do at high
/// temperatures: there the divergence is a small part of the logarithms that it is the difference of. The gradient is
/// kl_divergence's.
Tensor close_kl(const Tensor& student, const Tensor& teacher);

}  // namespace engram
