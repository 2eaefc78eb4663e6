#pragma once
/// Kernels with known counts.

namespace emu::testing {

/// One warp: y[lane] = x[offset + stride * lane].
void run_read(const float* x, float* y, int offset, int stride);
/// One warp: y[lane] = sum of x[row * 32 + lane] over rows.
void run_row_sums(const float* x, float* y, int rows);
/// One warp: y[lane] = sum of lane % 4 + 1 values of x, then, after a __syncwarp, one more.
void run_unequal_loops(const float* x, float* y);
/// One warp writes and reads rows of float, float2 and float4 in shared memory.
void run_shared_widths(float* y);
/// One warp adds 32 times to one word of shared memory.
void run_shared_atomics(unsigned* y);
/// One block of 256 threads reads x twice, the second time after a barrier.
void run_two_passes(const float* x, float* y, int count);

}  // namespace emu::testing
