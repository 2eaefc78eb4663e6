#include "models/data/sample_random.h"

namespace engram {

SampleRandom::SampleRandom(std::uint64_t seed, RandomPurpose purpose, dim_t epoch, dim_t index)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(epoch),
               static_cast<std::uint32_t>(purpose)} {}

// Philox4x32-10 (Salmon et al. 2011): ten rounds of multiply, swap and xor under a Weyl key sequence.
void SampleRandom::refill() {
  std::array<std::uint32_t, 4> x = counter_;
  std::uint32_t k0 = key_[0], k1 = key_[1];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * x[0], b = std::uint64_t{0xCD9E8D57u} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  values_ = x;
  used_ = 0;
  ++counter_[0];
}

std::uint32_t SampleRandom::next_u32() {
  if (used_ == 4) refill();
  return values_[used_++];
}

dim_t SampleRandom::below(dim_t bound) {
  // The high word of (64 random bits) x bound.
  const std::uint64_t high = next_u32(), low = next_u32();
  const std::uint64_t wide = static_cast<std::uint64_t>(bound);
  return static_cast<dim_t>((high * wide + (low * wide >> 32)) >> 32);
}

float SampleRandom::uniform() {
  return static_cast<float>(next_u32() >> 8) * (1.0f / 16777216.0f);
}

}  // namespace engram
