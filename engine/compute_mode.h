#pragma once
/// How exactly convolutions and matrix products compute: a choice of each thread, so that an exact network can work
/// beside a fast one, and concurrent runs do not disturb each other.

#include <string>

#include "kernels/common/math_mode.h"

namespace engram {

/// What convolutions and matrix products use. An operation keeps the mode of its forward pass for its backward pass,
/// whatever is in force when that runs; operations recorded in a backward pass keep it too.
struct ComputeMode {
  /// Algorithms of convolutions: kFast (Winograd where it pays) or kExact (direct sums).
  kernels::ConvPolicy policy = kernels::ConvPolicy::kFast;
  /// Products on tensor cores; the CPU computes in f32 always.
  kernels::MathMode math = kernels::MathMode::kF32;
  bool operator==(const ComputeMode&) const = default;
};

/// The calling thread's mode. A thread begins with the defaults of ComputeMode, not with the mode of its creator.
ComputeMode compute_mode();
void set_compute_mode(ComputeMode mode);

/// The calling thread works in another mode while it lives.
class ComputeModeGuard {
 public:
  explicit ComputeModeGuard(ComputeMode mode);
  ~ComputeModeGuard();
  ComputeModeGuard(const ComputeModeGuard&) = delete;

 private:
  ComputeMode before_;
};

/// Sets one half of the calling thread's mode.
void set_conv_policy(kernels::ConvPolicy policy);
void set_math_mode(kernels::MathMode mode);

/// "f32", "tf32" or "bf16". Throws UsageError.
kernels::MathMode parse_math_mode(const std::string& text);

}  // namespace engram
