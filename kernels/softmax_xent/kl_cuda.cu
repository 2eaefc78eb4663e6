#include "kernels/softmax_xent/kl_cuda.cuh"
#include "kernels/softmax_xent/mean_of_rows.cuh"

namespace engram::kernels::cuda {
namespace {

__global__ void __launch_bounds__(kRowThreads)
    mean_kernel(const float* row_loss, int rows, double factor, LabelCheck check, float* mean) {
  EMU_SHARED(double, scratch, [kRowThreads / kWarp]);
  write_mean(row_loss, rows, factor, check, mean, scratch);
}

/// log softmax(x / T) of one class.
__device__ __forceinline__ float log_probability(float x, float max, float log_sum, float inverse_t) {
  return (x - max) * inverse_t - log_sum;
}

__global__ void __launch_bounds__(kRowThreads, 5) kl_forward_kernel(KlForwardArgs a, RowTiles t) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, student_stats, [2 * kTileRows]);
  EMU_SHARED(float, teacher_stats, [2 * kTileRows]);
  EMU_SHARED(float, divergences, [kTileRows]);
  EMU_SHARED(double, scratch, [kRowThreads / kWarp]);
  const float inverse_t = 1.f / a.temperature;
  const float* student = stage_rows(t, a.student, shared);
  const float* teacher = stage_rows(t, a.teacher, shared + t.tile_rows * t.classes);
  __syncthreads();
  for_rows(t, [&](int r, int lane, bool has) {
    const float *x = student + dim_t(r) * t.classes, *y = teacher + dim_t(r) * t.classes;
    const RowStats s = row_statistics(t, x, inverse_t, lane, has), q = row_statistics(t, y, inverse_t, lane, has);
    float sum = 0;
    for (int c = lane; has && c < t.classes; c += t.group) {
      const float log_q = log_probability(x[c], s.max, s.log_sum, inverse_t);
      const float log_p = log_probability(y[c], q.max, q.log_sum, inverse_t);
      const float p = expf(log_p);
      sum += p == 0.f ? 0.f : p * (log_p - log_q);
    }
    sum = group_sum(sum, t.group);
    if (!has || lane != 0) return;
    student_stats[2 * r] = s.max;
    student_stats[2 * r + 1] = s.log_sum;
    teacher_stats[2 * r] = q.max;
    teacher_stats[2 * r + 1] = q.log_sum;
    divergences[r] = sum;
  });
  __syncthreads();
  write_rows(t, student_stats, 2, a.student_stats);
  write_rows(t, teacher_stats, 2, a.teacher_stats);
  write_rows(t, divergences, 1, a.row_kl);
  if (gridDim.x == 1) write_mean(divergences, t.rows, double(a.factor), {}, a.loss, scratch);
}

__global__ void __launch_bounds__(kRowThreads) kl_backward_kernel(KlBackwardArgs a, RowTiles t) {
  EMU_SHARED(float, student_stats, [2 * kTileRows]);
  EMU_SHARED(float, teacher_stats, [2 * kTileRows]);
  EMU_SHARED(float, divergences, [kTileRows]);
  const float inverse_t = 1.f / a.temperature;
  const float scale = *a.grad * a.factor * inverse_t / float(t.rows);
  read_rows(t, a.student_stats, 2, student_stats);
  read_rows(t, a.teacher_stats, 2, teacher_stats);
  read_rows(t, a.row_kl, 1, divergences);
  __syncthreads();
  const dim_t first = t.first_value();
  map_values<2, 2>(
      t, {a.student + first, a.teacher + first},
      {a.grad_student ? a.grad_student + first : nullptr, a.grad_teacher ? a.grad_teacher + first : nullptr},
      [&](int r, int, const float(&x)[2], float(&y)[2]) {
        const float log_q = log_probability(x[0], student_stats[2 * r], student_stats[2 * r + 1], inverse_t);
        const float log_p = log_probability(x[1], teacher_stats[2 * r], teacher_stats[2 * r + 1], inverse_t);
        const float p = expf(log_p);
        y[0] = (expf(log_q) - p) * scale;
        y[1] = p == 0.f ? 0.f : p * ((log_p - log_q) - divergences[r]) * scale;
      });
}

}  // namespace

void launch_mean(Stream stream, const float* row_loss, int rows, double factor, const LabelCheck& check, float* mean) {
  ENGRAM_LAUNCH(mean_kernel, dim3(1), kRowThreads, 0, stream, row_loss, rows, factor, check, mean);
}

void kl_forward(Stream stream, const KlForwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 2);
  ENGRAM_LAUNCH(kl_forward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(2), stream, args, t);
  if (t.tiles() > 1) launch_mean(stream, args.row_kl, t.rows, double(args.factor), {}, args.loss);
}

void kl_backward(Stream stream, const KlBackwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 1);
  if (!args.grad_student && !args.grad_teacher) return;
  ENGRAM_LAUNCH(kl_backward_kernel, grid_of(t.tiles()), kRowThreads, 0, stream, args, t);
}

}  // namespace engram::kernels::cuda
