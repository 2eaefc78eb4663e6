/// LayerNorm over rows, one warp a row: mean and variance by butterfly shuffles in registers, then scale and shift;
/// mean and reciprocal deviation are kept for a backward pass.
///
/// Edits for the emulator: the include, EMU_LAUNCH for <<<>>>.

#include <cmath>

#include "emulator/kernel.h"
#include "verdict.h"

#define WARP_SIZE 32
#define FULL_MASK 0xffffffffu

__device__ __forceinline__ float warp_all_sum(float v) {
#pragma unroll
  for (int mask = WARP_SIZE / 2; mask > 0; mask >>= 1) v += __shfl_xor_sync(FULL_MASK, v, mask);
  return v;
}

__global__ void layer_norm_forward(float* __restrict__ out, float* __restrict__ mean, float* __restrict__ rstd,
                                   const float* __restrict__ inp, const float* __restrict__ weight,
                                   const float* __restrict__ bias, int N, int C) {
  const int lane = threadIdx.x % WARP_SIZE;
  const int idx = blockIdx.x * (blockDim.x / WARP_SIZE) + threadIdx.x / WARP_SIZE;
  if (idx >= N) return;  // whole warps
  const float* x = inp + idx * C;
  float sum = 0.0f;
  for (int i = lane; i < C; i += WARP_SIZE) sum += __ldcs(x + i);
  const float m = warp_all_sum(sum) / C;
  float squares = 0.0f;
  for (int i = lane; i < C; i += WARP_SIZE) {
    const float diff = x[i] - m;
    squares = fmaf(diff, diff, squares);
  }
  const float s = rsqrtf(warp_all_sum(squares) / C + 1e-5f);
  if (lane == 0) {
    mean[idx] = m;
    rstd[idx] = s;
  }
  for (int i = lane; i < C; i += WARP_SIZE) {
    __stcs(out + idx * C + i, fmaf((x[i] - m) * s, __ldg(weight + i), __ldg(bias + i)));
  }
}

int main() {
  begin();
  constexpr int N = 13, C = 75;
  std::vector<float> x(N * C), w(C), b(C);
  for (int i = 0; i < N * C; ++i) x[i] = float(i * 37 % 101) / 50.0f - 1.0f;
  for (int i = 0; i < C; ++i) {
    w[i] = 1.0f + float(i % 5) / 8.0f;
    b[i] = float(i % 3) / 4.0f;
  }
  float *out = to_device(std::vector<float>(N * C)), *mean = to_device(std::vector<float>(N));
  float* rstd = to_device(std::vector<float>(N));
  const unsigned blocks = (N + 3) / 4;
  EMU_LAUNCH(layer_norm_forward, blocks, 128, 0, nullptr, out, mean, rstd, to_device(x), to_device(w), to_device(b), N,
             C);
  const std::vector<float> y = to_host(out, N * C), means = to_host(mean, N);
  bool right = true;
  for (int row = 0; row < N; ++row) {
    double sum = 0, squares = 0;
    for (int i = 0; i < C; ++i) sum += double(x[row * C + i]);
    for (int i = 0; i < C; ++i) squares += std::pow(double(x[row * C + i]) - sum / C, 2);
    right &= std::abs(double(means[row]) - sum / C) < 1e-6;
    for (int i = 0; i < C; ++i) {
      const double normal = (double(x[row * C + i]) - sum / C) / std::sqrt(squares / C + 1e-5);
      right &= std::abs(double(y[row * C + i]) - (normal * double(w[i]) + double(b[i]))) < 1e-5;
    }
  }
  return verdict(right);
}
