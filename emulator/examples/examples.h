#pragma once
/// Five small kernels that show the usual patterns, behind plain functions. Pointers are to device memory; the stream
/// is a cudaStream_t.

namespace emu::examples {

/// c = a + b, four elements an access. `count4` is the number of float4.
void add(const float* a, const float* b, float* c, int count4, void* stream);

/// Mean and variance of each channel of x [n, channels, pixels], one block of `threads` threads a channel.
void channel_statistics(const float* x, float* mean, float* variance, int n, int channels, int pixels, int threads,
                        void* stream);

/// out [columns, rows] = transpose of in [rows, columns], through padded tiles of shared memory.
void transpose(const float* in, float* out, int rows, int columns, void* stream);

/// The same with tiles that are not padded: every column access of shared memory is a 32-way bank conflict.
void transpose_conflicting(const float* in, float* out, int rows, int columns, void* stream);

/// y = softmax of each row of x [rows, columns], one tile of `lanes` (8 or 32) lanes a row, staged in dynamic shared
/// memory.
void softmax(const float* x, float* y, int rows, int columns, int lanes, void* stream);

/// out[v] += number of elements of value v in x, through a histogram in shared memory.
void histogram(const unsigned char* x, unsigned* out, int count, void* stream);

}  // namespace emu::examples
