#pragma once
/// Kernels on tensor cores and asynchronous copies.

#include <cstdint>

namespace emu::testing {

enum class Mma { kTf32, kTf32K4, kBf16, kF16 };

/// One warp: d = a b + c through fragments. Registers lie [register][lane]: a [4] (k4: [2]), b [2] (k4: [1]), c and d
/// [4].
void run_mma(Mma kind, const std::uint32_t* a, const std::uint32_t* b, const float* c, float* d);

/// One warp: `in` [512] in shared memory; lane l gives the address of piece (8 elements) pieces[l]; out [4][32].
void run_ldmatrix(int matrices, bool transposed, const std::uint16_t* in, const int* pieces, std::uint32_t* out);

/// 32 threads copy one value each (4 bytes) and, as many of them as that takes, 16 bytes each, of which every second
/// copies `valid` only: out [32 + 32]. The four-byte copies go through CUDA's own primitives.
void run_copies(const float* in, float* out, int valid);

/// c [32, 16] = a [32, k] times the transpose of b [16, k], bfloat16 bits, k a multiple of 8: one block of two warps,
/// three stages of asynchronous copies, ldmatrix on 128-byte rows.
void run_product(const std::uint16_t* a, const std::uint16_t* b, float* c, int k);
/// The same without the swizzle: each ldmatrix meets eight rows in one group of banks.
void run_product_with_conflicts(const std::uint16_t* a, const std::uint16_t* b, float* c, int k);

/// out [2, 32]: round_tf32 and round_tf32_fast of x [32], as bits.
void run_rounding(const float* x, std::uint32_t* out);

}  // namespace emu::testing
