#pragma once
/// Registers of one lane at the tensor cores' instructions, under both compilers (kernel.h includes this). Which
/// element of a matrix lies where: engine/tensor_layout.h. A fragment that was only declared is unset: the emulator
/// reports the instruction that reads it, so accumulators begin as FragmentC(0.0f).

#include <cstdint>
#include <cstring>

namespace tensor {

/// An address in shared memory as the instructions take it: 32 bits, so that exclusive ors (swizzles) work on it.
using SharedAddress = std::uint32_t;

#if !defined(__CUDACC__)
/// What an unset register holds: NaN in every format, also in both halves.
inline constexpr std::uint32_t kUnsetRegister = 0xffd5ffe3u;
#endif

namespace detail {

/// Marks registers as unset; nothing on the GPU.
template <class T, int kCount>
__device__ __forceinline__ void leave_unset([[maybe_unused]] T (&registers)[kCount]) {
#if !defined(__CUDACC__)
  for (T& one : registers) std::memcpy(&one, &kUnsetRegister, sizeof one);
#endif
}

}  // namespace detail

/// A of m16n8k8 (TF32, one element a register) or of m16n8k16 (bfloat16 and half, two elements a register).
struct FragmentA {
  std::uint32_t r[4];
  __device__ __forceinline__ FragmentA() { detail::leave_unset(r); }
  __device__ __forceinline__ FragmentA(std::uint32_t r0, std::uint32_t r1, std::uint32_t r2, std::uint32_t r3)
      : r{r0, r1, r2, r3} {}
};

/// A of m16n8k4 (TF32).
struct FragmentA4 {
  std::uint32_t r[2];
  __device__ __forceinline__ FragmentA4() { detail::leave_unset(r); }
  __device__ __forceinline__ FragmentA4(std::uint32_t r0, std::uint32_t r1) : r{r0, r1} {}
};

/// B of m16n8k8 (TF32) or m16n8k16 (bfloat16 and half).
struct FragmentB {
  std::uint32_t r[2];
  __device__ __forceinline__ FragmentB() { detail::leave_unset(r); }
  __device__ __forceinline__ FragmentB(std::uint32_t r0, std::uint32_t r1) : r{r0, r1} {}
};

/// C and D of all shapes, in single precision.
struct FragmentC {
  float v[4];
  __device__ __forceinline__ FragmentC() { detail::leave_unset(v); }
  __device__ __forceinline__ explicit FragmentC(float all) : v{all, all, all, all} {}
};

}  // namespace tensor
