#pragma once
/// How exactly convolutions and matrix products multiply.

#include <string>

#include "kernels/common/math_mode.h"

namespace engram {

/// What convolutions and matrix products use from now on. Process-wide, kF32 at start; the CPU computes in f32 always.
void set_math_mode(kernels::MathMode mode);
kernels::MathMode math_mode();

/// "f32", "tf32" or "bf16". Throws UsageError.
kernels::MathMode parse_math_mode(const std::string& text);

}  // namespace engram
