#include "emulator/kernel.h"
#include "tests/emulator/tensor_kernels.h"

namespace emu::testing {
namespace {

using tensor::SharedAddress;

__device__ void load(std::uint32_t* registers, int count, const std::uint32_t* from) {
  for (int i = 0; i < count; ++i) registers[i] = from[32 * i + int(threadIdx.x)];
}

template <Mma kKind>
__global__ void mma_kernel(const std::uint32_t* a, const std::uint32_t* b, const float* c, float* d) {
  tensor::FragmentC sum;
  for (int i = 0; i < 4; ++i) sum.v[i] = c[32 * i + int(threadIdx.x)];
  tensor::FragmentB right;
  if constexpr (kKind == Mma::kTf32K4) {
    tensor::FragmentA4 left;
    load(left.r, 2, a);
    tensor::mma_tf32_k4(sum, left, b[threadIdx.x]);
  } else {
    tensor::FragmentA left;
    load(left.r, 4, a);
    load(right.r, 2, b);
    if constexpr (kKind == Mma::kTf32) tensor::mma_tf32(sum, left, right);
    if constexpr (kKind == Mma::kBf16) tensor::mma_bf16(sum, left, right);
    if constexpr (kKind == Mma::kF16) tensor::mma_f16(sum, left, right);
  }
  for (int i = 0; i < 4; ++i) d[32 * i + int(threadIdx.x)] = sum.v[i];
}

template <int kMatrices, bool kTransposed>
__global__ void ldmatrix_kernel(const std::uint16_t* in, const int* pieces, std::uint32_t* out) {
  EMU_SHARED(uint4, rows, [64]);
  const int lane = int(threadIdx.x);
  for (int i = lane; i < 64; i += 32) rows[i] = reinterpret_cast<const uint4*>(in)[i];
  __syncwarp();
  const SharedAddress row = tensor::shared_address(rows) + SharedAddress(pieces[lane] * 16);
  std::uint32_t r[4] = {};
  std::uint32_t pair[2] = {};
  if constexpr (kMatrices == 1 && !kTransposed) tensor::ldmatrix_x1(r[0], row);
  if constexpr (kMatrices == 1 && kTransposed) tensor::ldmatrix_x1_trans(r[0], row);
  if constexpr (kMatrices == 2 && !kTransposed) tensor::ldmatrix_x2(pair, row);
  if constexpr (kMatrices == 2 && kTransposed) tensor::ldmatrix_x2_trans(pair, row);
  if constexpr (kMatrices == 4 && !kTransposed) tensor::ldmatrix_x4(r, row);
  if constexpr (kMatrices == 4 && kTransposed) tensor::ldmatrix_x4_trans(r, row);
  for (int i = 0; i < kMatrices; ++i) out[32 * i + lane] = kMatrices == 2 ? pair[i % 2] : r[i];
}

__global__ void copies_kernel(const float* in, float* out, int valid) {
  EMU_SHARED(float, words, [32]);
  EMU_SHARED(float4, quads, [8]);
  const int lane = int(threadIdx.x);
  __pipeline_memcpy_async(&words[lane], &in[lane], sizeof(float));
  __pipeline_commit();
  if (lane < 8) {
    tensor::copy_async_16(tensor::shared_address(&quads[lane]), in + 4 * lane, lane % 2 == 0 ? 16 : valid);
  }
  tensor::commit_copies();
  __pipeline_wait_prior(1);
  __syncwarp();
  out[lane] = words[31 - lane];
  tensor::wait_copies<0>();
  __syncwarp();
  const SharedAddress word = tensor::shared_address(quads) + SharedAddress(4 * lane);
  out[32 + lane] = __uint_as_float(tensor::load_shared_word(word));
}

constexpr int kRows = 32, kColumns = 16, kStages = 3, kRowBytes = 128, kThreads = 64;
constexpr int kPerRow = 64;  // elements
constexpr int kStageBytes = (kRows + kColumns) * kRowBytes;

template <bool kSwizzled>
__device__ SharedAddress place(int row, int piece) {
  return SharedAddress(row * kRowBytes + ((kSwizzled ? piece ^ (row & 7) : piece) << 4));
}

// Rows of a, then rows of b, from element `step` * kPerRow on; zeros behind their ends.
template <bool kSwizzled>
__device__ void fetch(SharedAddress stage, const std::uint16_t* a, const std::uint16_t* b, int k, int step) {
  for (int i = int(threadIdx.x); i < (kRows + kColumns) * 8; i += kThreads) {
    const int row = i / 8, piece = i % 8, at = step * kPerRow + piece * 8;
    const std::uint16_t* from = row < kRows ? a + row * k : b + (row - kRows) * k;
    tensor::copy_async_16(stage + place<kSwizzled>(row, piece), from + (at < k ? at : 0), at < k ? 16 : 0);
  }
}

template <bool kSwizzled>
__device__ void multiply(tensor::FragmentC (&sums)[2], SharedAddress stage) {
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  for (int piece = 0; piece < 8; piece += 2) {
    std::uint32_t a[4], b[4];
    tensor::ldmatrix_x4(a, stage + place<kSwizzled>(16 * warp + lane % 16, piece + lane / 16));
    tensor::ldmatrix_x4(b, stage + place<kSwizzled>(kRows + lane % 8 + 8 * (lane / 16), piece + lane / 8 % 2));
    const tensor::FragmentA left(a[0], a[1], a[2], a[3]);
    tensor::mma_bf16(sums[0], left, tensor::FragmentB(b[0], b[1]));
    tensor::mma_bf16(sums[1], left, tensor::FragmentB(b[2], b[3]));
  }
}

template <bool kSwizzled>
__global__ void __launch_bounds__(kThreads)
    product_kernel(const std::uint16_t* a, const std::uint16_t* b, float* c, int k) {
  EMU_DYNAMIC_SHARED_1024(unsigned char, memory);
  const SharedAddress base = tensor::shared_address(memory);
  const int steps = (k + kPerRow - 1) / kPerRow;
  tensor::FragmentC sums[2] = {tensor::FragmentC(0.0f), tensor::FragmentC(0.0f)};
  for (int step = 0; step < kStages - 1; ++step) {
    if (step < steps) fetch<kSwizzled>(base + SharedAddress(step * kStageBytes), a, b, k, step);
    tensor::commit_copies();
  }
  for (int step = 0; step < steps; ++step) {
    tensor::wait_copies<kStages - 2>();
    __syncthreads();
    const int next = step + kStages - 1;  // into the stage that was read a step ago
    if (next < steps) fetch<kSwizzled>(base + SharedAddress(next % kStages * kStageBytes), a, b, k, next);
    tensor::commit_copies();
    multiply<kSwizzled>(sums, base + SharedAddress(step % kStages * kStageBytes));
  }
  const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
  for (int tile = 0; tile < 2; ++tile) {
    for (int i = 0; i < 4; ++i) {
      const int row = 16 * warp + lane / 4 + 8 * (i / 2), column = 8 * tile + 2 * (lane % 4) + i % 2;
      c[row * kColumns + column] = sums[tile].v[i];
    }
  }
}

__global__ void rounding_kernel(const float* x, std::uint32_t* out) {
  out[threadIdx.x] = tensor::round_tf32(x[threadIdx.x]);
  out[32 + threadIdx.x] = tensor::round_tf32_fast(x[threadIdx.x]);
}

}  // namespace

void run_mma(Mma kind, const std::uint32_t* a, const std::uint32_t* b, const float* c, float* d) {
  const auto kernel = kind == Mma::kTf32     ? mma_kernel<Mma::kTf32>
                      : kind == Mma::kTf32K4 ? mma_kernel<Mma::kTf32K4>
                      : kind == Mma::kBf16   ? mma_kernel<Mma::kBf16>
                                             : mma_kernel<Mma::kF16>;
  EMU_LAUNCH(kernel, 1, 32, 0, nullptr, a, b, c, d);
}

void run_ldmatrix(int matrices, bool transposed, const std::uint16_t* in, const int* pieces, std::uint32_t* out) {
  const auto plain = matrices == 1   ? ldmatrix_kernel<1, false>
                     : matrices == 2 ? ldmatrix_kernel<2, false>
                                     : ldmatrix_kernel<4, false>;
  const auto turned = matrices == 1   ? ldmatrix_kernel<1, true>
                      : matrices == 2 ? ldmatrix_kernel<2, true>
                                      : ldmatrix_kernel<4, true>;
  const auto kernel = transposed ? turned : plain;
  EMU_LAUNCH(kernel, 1, 32, 0, nullptr, in, pieces, out);
}

void run_copies(const float* in, float* out, int valid) {
  EMU_LAUNCH(copies_kernel, 1, 32, 0, nullptr, in, out, valid);
}

void run_product(const std::uint16_t* a, const std::uint16_t* b, float* c, int k) {
  EMU_LAUNCH((product_kernel<true>), 1, kThreads, kStages * kStageBytes, nullptr, a, b, c, k);
}

void run_product_with_conflicts(const std::uint16_t* a, const std::uint16_t* b, float* c, int k) {
  EMU_LAUNCH((product_kernel<false>), 1, kThreads, kStages * kStageBytes, nullptr, a, b, c, k);
}

void run_rounding(const float* x, std::uint32_t* out) {
  EMU_LAUNCH(rounding_kernel, 1, 32, 0, nullptr, x, out);
}

}  // namespace emu::testing
