#include "engine/sample_random.h"

namespace engram {

SampleRandom::SampleRandom(std::uint64_t seed, RandomPurpose purpose, dim_t epoch, dim_t index)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{{0, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(epoch),
                static_cast<std::uint32_t>(purpose)}} {}

void SampleRandom::refill() {
  values_ = kernels::philox4x32_10(counter_, key_[0], key_[1]);
  used_ = 0;
  ++counter_.word[0];
}

std::uint32_t SampleRandom::next_u32() {
  if (used_ == 4) refill();
  return values_.word[used_++];
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
