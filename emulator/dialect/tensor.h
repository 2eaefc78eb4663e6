#pragma once
/// Tensor cores and asynchronous copies under the host's compiler; device/tensor.h has the same functions for nvcc.

#include <cstdint>
#include <cstring>

#include "emulator/dialect/keywords.h"
#include "emulator/dialect/warp.h"
#include "emulator/fragments.h"
#include "emulator/source_location.h"

namespace emu {

/// All lanes of the warp together: d += a b, or rows of shared memory to registers.
void multiply_fragments(WarpOp op, const std::uint32_t* a, const std::uint32_t* b, float* d, SourceLocation caller);
void load_matrices(WarpOp op, std::uint32_t* registers, std::uint32_t row, SourceLocation caller);

/// Offset in the block's shared memory, and back. The latter ends the launch with a report where [at, at + bytes) is
/// not aligned to `bytes` or not in one array.
std::uint32_t shared_offset(const void* p, SourceLocation caller);
char* shared_pointer(std::uint32_t at, std::size_t bytes, const char* access, SourceLocation caller);

/// One thread's asynchronous copies.
void issue_copy(std::uint32_t to, const void* from, unsigned bytes, int valid, SourceLocation caller);
void commit_copies();
void wait_copies(std::size_t pending, SourceLocation caller);

}  // namespace emu

namespace tensor {

inline void mma_tf32(FragmentC& d, const FragmentA& a, const FragmentB& b, EMU_CALLER) {
  emu::multiply_fragments(emu::WarpOp::kMmaTf32, a.r, b.r, d.v, caller);
}
inline void mma_tf32_k4(FragmentC& d, const FragmentA4& a, std::uint32_t b, EMU_CALLER) {
  emu::multiply_fragments(emu::WarpOp::kMmaTf32K4, a.r, &b, d.v, caller);
}
inline void mma_bf16(FragmentC& d, const FragmentA& a, const FragmentB& b, EMU_CALLER) {
  emu::multiply_fragments(emu::WarpOp::kMmaBf16, a.r, b.r, d.v, caller);
}
inline void mma_f16(FragmentC& d, const FragmentA& a, const FragmentB& b, EMU_CALLER) {
  emu::multiply_fragments(emu::WarpOp::kMmaF16, a.r, b.r, d.v, caller);
}

inline void ldmatrix_x1(std::uint32_t& r, SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix1, &r, row, caller);
}
inline void ldmatrix_x2(std::uint32_t (&r)[2], SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix2, r, row, caller);
}
inline void ldmatrix_x4(std::uint32_t (&r)[4], SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix4, r, row, caller);
}
inline void ldmatrix_x1_trans(std::uint32_t& r, SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix1Trans, &r, row, caller);
}
inline void ldmatrix_x2_trans(std::uint32_t (&r)[2], SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix2Trans, r, row, caller);
}
inline void ldmatrix_x4_trans(std::uint32_t (&r)[4], SharedAddress row, EMU_CALLER) {
  emu::load_matrices(emu::WarpOp::kLdmatrix4Trans, r, row, caller);
}

inline SharedAddress shared_address(const void* p, EMU_CALLER) {
  return emu::shared_offset(p, caller);
}
// Inlined into the kernel, so that the access is instrumented there.
__forceinline__ std::uint32_t load_shared_word(SharedAddress at, EMU_CALLER) {
  return *reinterpret_cast<const std::uint32_t*>(emu::shared_pointer(at, 4, "read", caller));
}

inline void copy_async_16(SharedAddress to, const void* from, int valid, EMU_CALLER) {
  emu::issue_copy(to, from, 16, valid, caller);
}
inline void copy_async_4(SharedAddress to, const void* from, int valid, EMU_CALLER) {
  emu::issue_copy(to, from, 4, valid, caller);
}
inline void commit_copies() {
  emu::commit_copies();
}
template <int kPending>
void wait_copies(EMU_CALLER) {
  static_assert(kPending >= 0, "the number of groups that may still be under way");
  emu::wait_copies(kPending, caller);
}

inline std::uint32_t round_tf32(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7f800000u) != 0x7f800000u) return (bits + 0x1000u) & 0xffffe000u;
  return (bits & 0x7fffffu) != 0 ? 0x7fffffffu : bits;
}
inline std::uint32_t round_tf32_fast(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits + 0x1000u;
}

}  // namespace tensor

// CUDA's own names for the copies (cuda_pipeline_primitives.h).
inline void __pipeline_memcpy_async(void* to, const void* from, std::size_t bytes, std::size_t zeros = 0, EMU_CALLER) {
  emu::issue_copy(emu::shared_offset(to, caller), from, unsigned(bytes), int(bytes) - int(zeros), caller);
}
inline void __pipeline_commit() {
  emu::commit_copies();
}
inline void __pipeline_wait_prior(std::size_t pending, EMU_CALLER) {
  emu::wait_copies(pending, caller);
}
