#pragma once
/// A few neighbouring f32 values in registers, loaded and stored in one access: four (16 bytes) or one.

#include <cstdint>

#include "kernels/common/cuda/launch.cuh"

namespace engram::kernels::cuda {

template <int kWidth>
struct Pack {
  float v[kWidth];
};

/// Loads kWidth values; for four, `p` is a multiple of 16 bytes.
template <int kWidth>
__device__ __forceinline__ Pack<kWidth> load(const float* p) {
  static_assert(kWidth == 1 || kWidth == 4);
  Pack<kWidth> pack;
  if constexpr (kWidth == 4) {
    const float4 q = *reinterpret_cast<const float4*>(p);
    pack.v[0] = q.x, pack.v[1] = q.y, pack.v[2] = q.z, pack.v[3] = q.w;
  } else {
    pack.v[0] = *p;
  }
  return pack;
}

template <int kWidth>
__device__ __forceinline__ void store(float* p, const Pack<kWidth>& pack) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<float4*>(p) = make_float4(pack.v[0], pack.v[1], pack.v[2], pack.v[3]);
  } else {
    *p = pack.v[0];
  }
}

/// Calls `f(i)` for i in [0, kWidth), unrolled.
template <int kWidth, class F>
__device__ __forceinline__ void for_lanes(const F& f) {
#pragma unroll
  for (int i = 0; i < kWidth; ++i) f(i);
}

/// Whether every pointer is a multiple of 16 bytes; null is.
template <class... Pointers>
__host__ __device__ __forceinline__ bool aligned16(Pointers... pointers) {
  return ((std::uintptr_t(0) | ... | reinterpret_cast<std::uintptr_t>(pointers)) & 15) == 0;
}

}  // namespace engram::kernels::cuda
