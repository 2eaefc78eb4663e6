#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/softmax_xent/distill_cuda.cuh"
#include "kernels/softmax_xent/kl_cuda.cuh"
#include "kernels/softmax_xent/mean_of_rows.cuh"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

__device__ __forceinline__ bool valid(std::int32_t label, int classes) {
  return label >= 0 && label < classes;
}

/// The row's loss from its statistics; all lanes of the group return it. Sums of (m - x) and of log_sum separately: no
/// cancellation.
__device__ __forceinline__ float row_loss(const SoftmaxXentForwardArgs& a, const RowTiles& t, const float* x,
                                          const float* targets, int row, RowStats stats, int lane, bool has) {
  const float smoothing = a.label_smoothing, floor = smoothing / float(t.classes);
  float below = 0;
  if (a.labels) {
    if (smoothing != 0.f)
      for (int c = lane; has && c < t.classes; c += t.group) below += stats.max - x[c];
    below = group_sum(below, t.group);
    const std::int32_t label = has ? a.labels[row] : -1;
    if (!valid(label, t.classes)) return NAN;
    return (1 - smoothing) * (stats.max - x[label]) + stats.log_sum + floor * below;
  }
  for (int c = lane; has && c < t.classes; c += t.group)
    below += ((stats.max - x[c]) + stats.log_sum) * (targets[c] * (1 - smoothing) + floor);
  return group_sum(below, t.group);
}

__global__ void __launch_bounds__(kRowThreads) forward_kernel(SoftmaxXentForwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, stats, [2 * kTileRows]);
  EMU_SHARED(float, losses, [kTileRows]);
  EMU_SHARED(double, scratch, [kRowThreads / kWarp]);
  const float* x = stage_rows(t, a.logits, shared);
  const float* targets = a.soft_targets ? stage_rows(t, a.soft_targets, shared + t.tile_rows * t.classes) : nullptr;
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    const float* row = x + dim_t(r) * t.classes;
    const RowStats s = row_statistics(t, row, 1.f, lane, has);
    const float loss =
        row_loss(a, t, row, targets ? targets + dim_t(r) * t.classes : nullptr, t.first_row() + r, s, lane, has);
    if (!has || lane != 0) return;
    stats[2 * r] = s.max;
    stats[2 * r + 1] = s.log_sum;
    losses[r] = loss;
  });
  __syncthreads();
  write_rows(t, stats, 2, a.row_stats);
  write_rows(t, losses, 1, a.row_loss);
  if (gridDim.x == 1) write_mean(losses, t.rows, 1.0, {a.labels, t.classes, a.num_invalid}, a.mean_loss, scratch);
}

__global__ void __launch_bounds__(kRowThreads) backward_kernel(SoftmaxXentBackwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, stats, [2 * kTileRows]);
  EMU_SHARED(float, grads, [kTileRows]);
  EMU_SHARED(std::int32_t, labels, [kTileRows]);
  EMU_SHARED(float, target_sums, [kTileRows]);
  const float smoothing = a.label_smoothing, floor = smoothing / float(t.classes);
  const float mean_grad = a.grad_mean ? *a.grad_mean / float(t.rows) : 0.f;
  read_rows(t, a.row_stats, 2, stats);
  for (int r = int(threadIdx.x); r < t.num_rows(); r += kRowThreads)
    grads[r] = mean_grad + (a.grad_rows ? a.grad_rows[t.first_row() + r] : 0.f);
  const dim_t first = t.first_value();
  if (a.labels) {
    read_rows(t, a.labels, 1, labels);
    __syncthreads();
    map_values<1, 1>(t, {a.logits + first}, {a.grad_logits + first},
                     [&](int r, int c, const float(&x)[1], float(&y)[1]) {
                       const float p = expf((x[0] - stats[2 * r]) - stats[2 * r + 1]);
                       const float target = floor + (c == labels[r] ? 1 - smoothing : 0.f);
                       y[0] = valid(labels[r], t.classes) ? (p - target) * grads[r] : 0.f;
                     });
    return;
  }
  const float* targets = stage_rows(t, a.soft_targets, shared);
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    float sum = 0;
    for (int c = lane; has && c < t.classes; c += t.group) sum += targets[dim_t(r) * t.classes + c];
    sum = group_sum(sum, t.group);
    if (has && lane == 0) target_sums[r] = (1 - smoothing) * sum + smoothing;
  });
  __syncthreads();
  map_values<2, 1>(t, {a.logits + first, targets}, {a.grad_logits + first},
                   [&](int r, int, const float(&x)[2], float(&y)[1]) {
                     const float p = expf((x[0] - stats[2 * r]) - stats[2 * r + 1]);
                     y[0] = (target_sums[r] * p - (floor + (1 - smoothing) * x[1])) * grads[r];
                   });
}

__global__ void __launch_bounds__(kRowThreads) log_softmax_kernel(LogSoftmaxForwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, stats, [2 * kTileRows]);
  const float* x = stage_rows(t, a.x, shared);
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    const RowStats s = row_statistics(t, x + dim_t(r) * t.classes, 1.f, lane, has);
    if (!has || lane != 0) return;
    stats[2 * r] = s.max;
    stats[2 * r + 1] = s.log_sum;
  });
  __syncthreads();
  map_values<1, 1>(t, {x}, {a.y + t.first_value()}, [&](int r, int, const float(&v)[1], float(&y)[1]) {
    y[0] = (v[0] - stats[2 * r]) - stats[2 * r + 1];
  });
}

__global__ void __launch_bounds__(kRowThreads) log_softmax_backward_kernel(LogSoftmaxBackwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, sums, [kTileRows]);
  const float* g = stage_rows(t, a.grad_y, shared);
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    float sum = 0;
    for (int c = lane; has && c < t.classes; c += t.group) sum += g[dim_t(r) * t.classes + c];
    sum = group_sum(sum, t.group);
    if (has && lane == 0) sums[r] = sum;
  });
  __syncthreads();
  map_values<2, 1>(t, {g, a.y + t.first_value()}, {a.grad_x + t.first_value()},
                   [&](int r, int, const float(&v)[2], float(&y)[1]) { y[0] = v[0] - expf(v[1]) * sums[r]; });
}

void forward(Stream stream, const SoftmaxXentForwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const int arrays = args.soft_targets ? 2 : 1;
  const RowTiles t(args.rows, args.classes, arrays);
  ENGRAM_LAUNCH(forward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(arrays), stream, args, t);
  if (t.tiles() > 1)
    launch_mean(stream, args.row_loss, t.rows, 1.0, {args.labels, t.classes, args.num_invalid}, args.mean_loss);
}

void backward(Stream stream, const SoftmaxXentBackwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 1);
  ENGRAM_LAUNCH(backward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(args.soft_targets ? 1 : 0), stream,
                args, t);
}

void log_softmax_forward(Stream stream, const LogSoftmaxForwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 1);
  ENGRAM_LAUNCH(log_softmax_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(1), stream, args, t);
}

void log_softmax_backward(Stream stream, const LogSoftmaxBackwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 1);
  ENGRAM_LAUNCH(log_softmax_backward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(1), stream, args, t);
}

}  // namespace

const SoftmaxXentKernels kCudaSoftmaxXent = {forward,
                                             backward,
                                             log_softmax_forward,
                                             log_softmax_backward,
                                             cuda::kl_forward,
                                             cuda::kl_backward,
                                             cuda::distill_forward,
                                             cuda::distill_backward,
                                             cuda::distill_workspace_bytes};

}  // namespace engram::kernels
