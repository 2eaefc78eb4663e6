#pragma once
/// The mean of per-row losses, and the number of invalid labels: by the block that made them if there is only one, else
/// in a second launch of one block.

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/softmax_xent/row_tiles.cuh"

namespace engram::kernels::cuda {

/// Labels to check; none with a null `num_invalid` or null labels (then *num_invalid is 0).
struct LabelCheck {
  const std::int32_t* labels;
  int classes;
  std::int32_t* num_invalid;
};

/// *mean = factor / rows * sum of row_loss, by one block. `scratch`: kRowThreads / 32 values of shared memory.
__device__ __forceinline__ void write_mean(const float* row_loss, int rows, double factor, const LabelCheck& check,
                                           float* mean, double* scratch) {
  double sum = 0;
  for (int r = int(threadIdx.x); r < rows; r += kRowThreads) sum += double(row_loss[r]);
  sum = block_sum<kRowThreads>(sum, scratch);
  if (threadIdx.x == 0) *mean = float(factor * sum / double(rows));
  if (!check.num_invalid) return;
  int invalid = 0;
  for (int r = int(threadIdx.x); check.labels && r < rows; r += kRowThreads)
    invalid += check.labels[r] < 0 || check.labels[r] >= check.classes;
  __syncthreads();
  const double total = block_sum<kRowThreads>(double(invalid), scratch);
  if (threadIdx.x == 0) *check.num_invalid = std::int32_t(total);
}

/// write_mean in a launch of its own.
void launch_mean(Stream stream, const float* row_loss, int rows, double factor, const LabelCheck& check, float* mean);

}  // namespace engram::kernels::cuda
