#pragma once
/// Eight genes side by side: one bit of a patient's mask each.

#include "kernels/common/vec_math_f64.h"
#include "kernels/survival_screen/gene_view.h"

namespace engram::kernels {

/// 1 in the lanes whose bit is set, else 0.
ENGRAM_ALWAYS_INLINE Vec8d lanes_of_mask(std::uint8_t mask) {
  constexpr Mask8d kBit = {1, 2, 4, 8, 16, 32, 64, 128};
  const Mask8d set = ((Mask8d{} + std::int64_t{mask}) & kBit) != 0;
  return from_bits(set & bits_of(Vec8d{} + 1.));
}

/// Masks of `count` (1 to 8) listed genes; the last gene stands in the lanes beyond.
inline void fill_masks(const GeneView& genes, const std::int32_t* listed, dim_t count, std::uint8_t* masks) {
  for (dim_t w = 0; w < genes.words_per_gene; ++w) {
    std::uint64_t words[kLanes8d];
    for (int lane = 0; lane < kLanes8d; ++lane) {
      words[lane] = genes.bits[listed[lane < count ? lane : count - 1] * genes.words_per_gene + w];
    }
    for (dim_t i = w * 64; i < genes.patients && i < (w + 1) * 64; ++i) {
      unsigned mask = 0;
      for (int lane = 0; lane < kLanes8d; ++lane) mask |= unsigned(words[lane] >> (i % 64) & 1) << lane;
      masks[i] = std::uint8_t(mask);
    }
  }
}

}  // namespace engram::kernels
