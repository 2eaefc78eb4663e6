#pragma once
/// Philox4x32-10: counter-based random numbers (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
/// 3", SC 2011). A seed names a stream of 32-bit words; word i is a function of (seed, i) only, so any thread, block or
/// device can make it.

#include <cstdint>

#include "kernels/common/inline.h"

namespace engram::kernels {

/// Four words: a counter, or the output for one.
struct PhiloxBlock {
  std::uint32_t word[4];
};

inline constexpr std::uint32_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
inline constexpr std::uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;

/// One round under the round key (key0, key1).
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE void philox_round(std::uint32_t& c0, std::uint32_t& c1, std::uint32_t& c2,
                                                          std::uint32_t& c3, std::uint32_t key0, std::uint32_t key1) {
  const std::uint64_t product0 = std::uint64_t(kPhiloxMultiplier0) * c0;
  const std::uint64_t product1 = std::uint64_t(kPhiloxMultiplier1) * c2;
  c0 = std::uint32_t(product1 >> 32) ^ c1 ^ key0;
  c1 = std::uint32_t(product1);
  c2 = std::uint32_t(product0 >> 32) ^ c3 ^ key1;
  c3 = std::uint32_t(product0);
}

/// The ten-round bijection of `counter` under the key.
ENGRAM_HOST_DEVICE inline PhiloxBlock philox4x32_10(PhiloxBlock counter, std::uint32_t key0, std::uint32_t key1) {
  auto& c = counter.word;
  for (std::uint32_t round = 0; round < 10; ++round) {
    philox_round(c[0], c[1], c[2], c[3], key0 + round * kPhiloxWeyl0, key1 + round * kPhiloxWeyl1);
  }
  return counter;
}

/// Words 4 * index to 4 * index + 3 of the stream of `seed`: counter (index low, index high, 0, 0), key (seed low, seed
/// high).
ENGRAM_HOST_DEVICE inline PhiloxBlock philox_block(std::uint64_t seed, std::uint64_t index) {
  const PhiloxBlock counter = {{std::uint32_t(index), std::uint32_t(index >> 32), 0, 0}};
  return philox4x32_10(counter, std::uint32_t(seed), std::uint32_t(seed >> 32));
}

/// Word `position` of the stream of `seed`.
ENGRAM_HOST_DEVICE inline std::uint32_t philox_word(std::uint64_t seed, std::uint64_t position) {
  return philox_block(seed, position / 4).word[position % 4];
}

}  // namespace engram::kernels
