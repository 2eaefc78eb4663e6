#pragma once
/// The activation that per-channel kernels fuse, and the bit mask that they save for its derivative.

#include <cstdint>

#include "kernels/common/activation.h"

namespace engram::kernels {

/// Activation applied to v: kRelu max(v, 0), kLeakyRelu v > 0 ? v : slope v. A NaN stays a NaN.
enum class Activation : std::uint8_t { kNone, kRelu, kLeakyRelu };

/// Words of an activation mask of `count` elements: bit i % 16 of word i / 16 belongs to the element with flat physical
/// index i and is set where the derivative is 1 (clear: 0 or slope). In a 16-blocked layout a word is one pixel's
/// vector. Bits past `count` are zero.
constexpr dim_t activation_mask_words(dim_t count) {
  return (count + 15) / 16;
}

}  // namespace engram::kernels
