/// C = A B by square tiles in shared memory, with guards for extents that no tile divides.
///
/// Edits for the emulator: the include, EMU_SHARED for __shared__, EMU_LAUNCH for <<<>>>.

#include "emulator/kernel.h"
#include "verdict.h"

template <int BLOCK_SIZE>
__global__ void matmul_tiled(float* C, const float* A, const float* B, int M, int N, int K) {
  EMU_SHARED(float, As, [BLOCK_SIZE][BLOCK_SIZE]);
  EMU_SHARED(float, Bs, [BLOCK_SIZE][BLOCK_SIZE]);
  const int tx = threadIdx.x, ty = threadIdx.y;
  const int row = blockIdx.y * BLOCK_SIZE + ty, col = blockIdx.x * BLOCK_SIZE + tx;
  float sum = 0.0f;
  for (int tile = 0; tile < (K + BLOCK_SIZE - 1) / BLOCK_SIZE; ++tile) {
    const int a_col = tile * BLOCK_SIZE + tx, b_row = tile * BLOCK_SIZE + ty;
    As[ty][tx] = row < M && a_col < K ? A[row * K + a_col] : 0.0f;
    Bs[ty][tx] = b_row < K && col < N ? B[b_row * N + col] : 0.0f;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < BLOCK_SIZE; ++k) sum += As[ty][k] * Bs[k][tx];
    __syncthreads();
  }
  if (row < M && col < N) C[row * N + col] = sum;
}

int main() {
  begin();
  constexpr int M = 37, N = 50, K = 45, kTile = 16;
  std::vector<float> a(M * K), b(K * N);
  for (int i = 0; i < M * K; ++i) a[i] = float(i % 11 - 5);
  for (int i = 0; i < K * N; ++i) b[i] = float(i % 7 - 3);
  const float *A = to_device(a), *B = to_device(b);
  float* C = to_device(std::vector<float>(M * N));
  const dim3 threads(kTile, kTile), grid((N + kTile - 1) / kTile, (M + kTile - 1) / kTile);
  EMU_LAUNCH((matmul_tiled<kTile>), grid, threads, 0, nullptr, C, A, B, M, N, K);
  const std::vector<float> c = to_host(C, M * N);
  bool right = true;
  for (int i = 0; i < M; ++i) {
    for (int j = 0; j < N; ++j) {
      float sum = 0.0f;
      for (int k = 0; k < K; ++k) sum += a[i * K + k] * b[k * N + j];
      right &= c[i * N + j] == sum;  // whole numbers: exact
    }
  }
  return verdict(right);
}
