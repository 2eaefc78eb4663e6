#pragma once
/// Tensor cores and asynchronous copies under nvcc, one instruction a function (PTX ISA, "mma.sync", "ldmatrix",
/// "cp.async"; compute capability 8.0 and later); dialect/tensor.h has the same functions for the host's compiler.

#include <cstdint>

#include "emulator/fragments.h"

namespace tensor {

/// d += a b for one 16 x 8 tile: k = 8 in TF32 (the low 13 bits of an operand do not count), k = 16 in bfloat16 and
/// half. All lanes of the warp, none exited.
__device__ __forceinline__ void mma_tf32(FragmentC& d, const FragmentA& a, const FragmentB& b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d.v[0]), "+f"(d.v[1]), "+f"(d.v[2]), "+f"(d.v[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}
/// k = 4 in TF32.
__device__ __forceinline__ void mma_tf32_k4(FragmentC& d, const FragmentA4& a, std::uint32_t b) {
  asm("mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d.v[0]), "+f"(d.v[1]), "+f"(d.v[2]), "+f"(d.v[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(b));
}
__device__ __forceinline__ void mma_bf16(FragmentC& d, const FragmentA& a, const FragmentB& b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d.v[0]), "+f"(d.v[1]), "+f"(d.v[2]), "+f"(d.v[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}
__device__ __forceinline__ void mma_f16(FragmentC& d, const FragmentA& a, const FragmentB& b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d.v[0]), "+f"(d.v[1]), "+f"(d.v[2]), "+f"(d.v[3])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(b.r[0]), "r"(b.r[1]));
}

/// 8 x 8 matrices of 16-bit elements from shared memory: lane 8 m + r gives the 16-byte aligned address of row r of
/// matrix m; register m of lane l gets elements 2 (l % 4) and the next of row l / 4, with _trans of column l / 4.
__device__ __forceinline__ void ldmatrix_x1(std::uint32_t& r, SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r) : "r"(row) : "memory");
}
__device__ __forceinline__ void ldmatrix_x2(std::uint32_t (&r)[2], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row)
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x4(std::uint32_t (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x1_trans(std::uint32_t& r, SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(r) : "r"(row) : "memory");
}
__device__ __forceinline__ void ldmatrix_x2_trans(std::uint32_t (&r)[2], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(row)
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(std::uint32_t (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}

/// Address of a variable in shared memory, and a word at such an address.
__device__ __forceinline__ SharedAddress shared_address(const void* p) {
  return SharedAddress(__cvta_generic_to_shared(p));
}
__device__ __forceinline__ std::uint32_t load_shared_word(SharedAddress at) {
  std::uint32_t word;
  asm volatile("ld.shared.b32 %0, [%1];" : "=r"(word) : "r"(at) : "memory");
  return word;
}

/// Copies 16 bytes (past the first-level cache) or 4 (through it) from global to shared memory, both aligned to that
/// size: the first `valid` ones, and zeros. With valid = 0 nothing is read, but `from` must still be an address of
/// global memory. The data may be read after wait_copies, and a barrier if another thread copied.
__device__ __forceinline__ void copy_async_16(SharedAddress to, const void* from, int valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(to), "l"(__cvta_generic_to_global(from)), "r"(valid)
               : "memory");
}
__device__ __forceinline__ void copy_async_4(SharedAddress to, const void* from, int valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
               :
               : "r"(to), "l"(__cvta_generic_to_global(from)), "r"(valid)
               : "memory");
}
/// Closes the thread's copies so far into a group; an empty group counts too.
__device__ __forceinline__ void commit_copies() {
  asm volatile("cp.async.commit_group;" : : : "memory");
}
/// Waits until at most kPending of the thread's latest groups are under way.
template <int kPending>
__device__ __forceinline__ void wait_copies() {
  static_assert(kPending >= 0, "the number of groups that may still be under way");
  asm volatile("cp.async.wait_group %0;" : : "n"(kPending) : "memory");
}

/// TF32 of a float, nearest, ties away from zero; three instructions on the GPU.
__device__ __forceinline__ std::uint32_t round_tf32(float value) {
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
}
/// The same for an operand of mma, whose low bits do not count: one addition. A NaN may be lost: 0x7fffffff becomes -0.
__device__ __forceinline__ std::uint32_t round_tf32_fast(float value) {
  return __float_as_uint(value) + 0x1000u;
}

}  // namespace tensor
