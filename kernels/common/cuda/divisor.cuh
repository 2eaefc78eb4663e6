#pragma once
/// Division of 31-bit numbers by a number known at launch: a multiplication and a shift (Granlund and Montgomery 1994,
/// "Division by invariant integers using multiplication").

#include <cstdint>

#include "kernels/common/cuda/launch.cuh"

namespace engram::kernels::cuda {

class Divisor {
 public:
  Divisor() = default;
  /// 1 <= divisor < 2^31.
  explicit Divisor(dim_t divisor) : divisor_(std::uint32_t(divisor)) {
    while ((std::uint64_t(1) << shift_) < divisor_) ++shift_;
    multiplier_ = std::uint32_t((std::uint64_t(1) << 32) * ((std::uint64_t(1) << shift_) - divisor_) / divisor_ + 1);
  }

  /// n / divisor for n < 2^31.
  __device__ __forceinline__ std::uint32_t quotient(std::uint32_t n) const {
    return (__umulhi(n, multiplier_) + n) >> shift_;
  }
  __host__ __device__ std::uint32_t divisor() const { return divisor_; }

 private:
  std::uint32_t divisor_ = 1, multiplier_ = 1, shift_ = 0;
};

}  // namespace engram::kernels::cuda
