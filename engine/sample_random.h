#pragma once
/// Random draws that belong to one sample of one epoch, whoever computes them and when.
/// Threads: any may call, also at the same time.
#include <array>
#include <cstdint>

#include "kernels/common/philox.h"
#include "kernels/common/types.h"

namespace engram {

/// What a stream of draws is for. Streams of different purposes are independent under one seed.
enum class RandomPurpose : std::uint32_t {
  kShuffle = 1,
  kAugment = 2,
  kCrop = 3,
  kColor = 4,
  kRotation = 5,
  kOperations = 6,
  kGeneSearch = 16,
  kGeneSplit = 17
};

/// A stream of Philox4x32-10 draws keyed on (seed, purpose, epoch, index): the same on every machine and thread, and
/// independent of the order in which samples are visited. Epoch and index are below 2^32.
class SampleRandom {
 public:
  SampleRandom(std::uint64_t seed, RandomPurpose purpose, dim_t epoch, dim_t index);

  /// 32 random bits.
  std::uint32_t next_u32();

  /// Uniform in [0, bound), bound in 1 .. 2^32. The bias, at most bound / 2^64, cannot be observed.
  dim_t below(dim_t bound);

  /// Uniform in [0, 1), a multiple of 2^-24.
  float uniform();

 private:
  void refill();

  std::array<std::uint32_t, 2> key_;
  kernels::PhiloxBlock counter_;  // its last word, the purpose, is not 0: apart from the streams of random fills
  kernels::PhiloxBlock values_{};
  int used_ = 4;
};

}  // namespace engram
