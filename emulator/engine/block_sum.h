#pragma once
/// The numbers of the tensor cores. An mma cuts its k products into blocks; a block computes d = c + sum of its
/// products in one step: products are exact; every term, c too, is cut toward zero at 2^(E - 23 - x), where E is the
/// largest exponent of a term; the cut terms are added exactly and the sum is cut toward zero to 24 bits.
///
/// Blocks and x as published results of the chips have them (north-numerical-computing/MATLAB-tensor-core, models
/// A100TC, H100TC, H200TC): A100 4 products (TF32) or 8 (bfloat16, half), x = 1, E at least -132; H100 and H200 8 or
/// 16, x = 2, E at least -133. Infinities and NaN follow IEEE 754; a NaN is 0x7fffffff.

#include <cstdint>

#include "emulator/emulator.h"

namespace emu {

/// An operand: significand * 2^(exponent - 10), not normalised where it is subnormal.
struct Operand {
  enum class Kind : std::uint8_t { kFinite, kInfinite, kNan };
  std::uint32_t significand = 0;
  int exponent = 0;
  Kind kind = Kind::kFinite;
  bool negative = false;
};

/// Operands from registers. TF32: the low 13 bits do not count.
Operand operand_of_tf32(std::uint32_t bits);
Operand operand_of_bf16(std::uint16_t bits);
Operand operand_of_half(std::uint16_t bits);

/// c + sum of a[i] b[i] over k products, block by block. `half_sized`: the operands have 16 bits. Arithmetic::kExact:
/// summed in double instead, in order, and rounded once.
float sum_of_products(const Operand* a, const Operand* b, int k, float c, bool half_sized, Arithmetic arithmetic);

}  // namespace emu
