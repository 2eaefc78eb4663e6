#pragma once
/// How exactly convolutions and matrix products multiply.

#include <cstdint>

namespace engram::kernels {

/// Operands and results are f32 in memory and sums are f32 in every mode. The CPU computes kF32 whatever is asked.
enum class MathMode : std::uint8_t {
  kF32,   ///< products of f32 (the default)
  kTF32,  ///< tensor cores, operands rounded to 10 bits of mantissa
  kBF16,  ///< tensor cores, operands rounded to bf16 (7 bits); results of convolutions too
};

/// Which algorithms convolutions may use.
enum class ConvPolicy : std::uint8_t {
  kFast,   ///< Winograd where a fixed rule says: see kernels/conv2d/conv2d_plan.h and conv2d_plan_cudnn.cpp
  kExact,  ///< direct sums only
};

}  // namespace engram::kernels
