#include "emulator/kernel.h"
#include "tests/bench/seeded.h"

namespace engram::testing {
namespace {

constexpr int kThreads = 128, kPacks = kSeededColumns / 4 / kThreads;

template <Seed kSeed>
__device__ int slot(int thread) {
  return kSeed == Seed::kBankConflicts ? thread * 32 : thread;
}

/// Where the thread's packs of four lie in a row.
template <Seed kSeed>
__device__ int place(int pack) {
  const int thread = int(threadIdx.x);
  return kSeed == Seed::kStridedAccess ? thread * kPacks + pack : thread + pack * kThreads;
}

template <Seed kSeed>
__device__ float4 read(const float* row, int pack) {
  const float* const from = row + 4 * place<kSeed>(pack);
  if constexpr (kSeed == Seed::kScalarAccess) return make_float4(from[0], from[1], from[2], from[3]);
  return *reinterpret_cast<const float4*>(from);
}

__device__ float4 less(const float4& a, float b) {
  return make_float4(a.x - b, a.y - b, a.z - b, a.w - b);
}

template <Seed kSeed>
__global__ void __launch_bounds__(kThreads)
    centre_kernel(const float* __restrict__ x, float* __restrict__ y, int rows) {
  EMU_SHARED(float, sums, [kThreads * (kSeed == Seed::kBankConflicts ? 32 : 1)]);
  const int thread = int(threadIdx.x), row = int(blockIdx.x);
  const float* const from = x + row * kSeededColumns;
  float4* const to = reinterpret_cast<float4*>(y + row * kSeededColumns);
  float4 packs[kPacks];
  float sum = 0;
  for (int i = 0; i < kPacks; ++i) {
    packs[i] = read<kSeed>(from, i);
    sum += packs[i].x + packs[i].y + packs[i].z + packs[i].w;
  }
  if (kSeed == Seed::kReadsMore && thread < 32) sum += 0 * x[rows * kSeededColumns + row * 32 + thread];
  sums[slot<kSeed>(thread)] = sum;
  __syncthreads();
  if (kSeed == Seed::kMoreBarriers) __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (thread < half) sums[slot<kSeed>(thread)] += sums[slot<kSeed>(thread + half)];
    __syncthreads();
  }
  const float mean = sums[0] / kSeededColumns;
  for (int i = 0; i < kPacks; ++i) {
    if (kSeed == Seed::kReadsAgain) packs[i] = read<kSeed>(from, i);
    if (kSeed == Seed::kWritesTwice) to[place<kSeed>(i)] = packs[i];
    to[place<kSeed>(i)] = less(packs[i], mean);
  }
}

__global__ void __launch_bounds__(kThreads) empty_kernel() {}

template <Seed kSeed>
void launch(const float* x, float* y, int rows) {
  EMU_LAUNCH((centre_kernel<kSeed>), unsigned(rows), kThreads, 0, nullptr, x, y, rows);
  if (kSeed == Seed::kSecondLaunch) EMU_LAUNCH(empty_kernel, 1, kThreads, 0, nullptr);
}

}  // namespace

void centre_rows(Seed seed, const float* x, float* y, int rows) {
  constexpr void (*kVersions[])(const float*, float*, int) = {
      launch<Seed::kNone>,          launch<Seed::kScalarAccess>, launch<Seed::kStridedAccess>,
      launch<Seed::kReadsAgain>,    launch<Seed::kReadsMore>,    launch<Seed::kWritesTwice>,
      launch<Seed::kBankConflicts>, launch<Seed::kMoreBarriers>, launch<Seed::kSecondLaunch>};
  kVersions[int(seed)](x, y, rows);
}

}  // namespace engram::testing
