#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/softmax_xent/distill_cuda.cuh"
#include "kernels/softmax_xent/row_tiles.cuh"

namespace engram::kernels::cuda {
namespace {

/// Sums over the rows of a tile: cross entropy, divergence, invalid labels.
constexpr int kNumSums = 3;

/// Where the sums of all rows go.
struct Results {
  float *mean_xent, *mean_kl;
  std::int32_t* num_invalid;
  double inverse_rows, factor;

  __device__ void operator()(const double (&sums)[kNumSums]) const {
    *mean_xent = float(sums[0] * inverse_rows);
    *mean_kl = float(sums[1] * factor * inverse_rows);
    *num_invalid = std::int32_t(sums[2]);
  }
};

/// The second stage: one block adds the sums of `tiles` tiles.
__global__ void __launch_bounds__(kRowThreads) finish_kernel(const double* partials, int tiles, Results results) {
  EMU_SHARED(double, scratch, [kNumSums][kRowThreads / kWarp]);
  double sums[kNumSums] = {};
  for (int i = int(threadIdx.x); i < tiles; i += kRowThreads)
    for (int k = 0; k < kNumSums; ++k) sums[k] += partials[dim_t(i) * kNumSums + k];
  block_sums<kRowThreads>(sums, scratch);
  if (threadIdx.x == 0) results(sums);
}

/// sum e and sum e (a - b) as in distill_cpu.cpp.
struct TeacherSums {
  float exps, weighted;
};

__device__ __forceinline__ TeacherSums teacher_sums(const RowTiles& t, const float* student, float student_max,
                                                    const float* teacher, float teacher_max, float inverse_t, int lane,
                                                    bool has) {
  TeacherSums sums = {0.f, 0.f};
  for (int c = lane; has && c < t.classes; c += t.group) {
    const float a = (teacher[c] - teacher_max) * inverse_t, b = (student[c] - student_max) * inverse_t, e = expf(a);
    sums.exps += e;
    sums.weighted += e == 0.f ? 0.f : e * (a - b);
  }
  return {group_sum(sums.exps, t.group), group_sum(sums.weighted, t.group)};
}

__device__ __forceinline__ float row_max(const RowTiles& t, const float* x, int lane, bool has) {
  float largest = -INFINITY;
  for (int c = lane; has && c < t.classes; c += t.group) largest = fmaxf(largest, x[c]);
  return group_max(largest, t.group);
}

__device__ __forceinline__ float row_exp_sum(const RowTiles& t, const float* x, float max, float inverse_t, int lane,
                                             bool has) {
  float sum = 0;
  for (int c = lane; has && c < t.classes; c += t.group) sum += expf((x[c] - max) * inverse_t);
  return group_sum(sum, t.group);
}

__global__ void __launch_bounds__(kRowThreads)
    distill_forward_kernel(DistillForwardArgs a, RowTiles t, double* partials, Results results) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, stats, [kNumDistillStats * kTileRows]);
  EMU_SHARED(double, scratch, [kNumSums][kRowThreads / kWarp]);
  const float inverse_t = 1.f / a.temperature;
  const float* student = stage_rows(t, a.student, shared);
  const float* teacher = stage_rows(t, a.teacher, shared + t.tile_rows * t.classes);
  __syncthreads();
  double sums[kNumSums] = {};
  for_rows(t, [&](int r, int lane, bool has) {
    const float *x = student + dim_t(r) * t.classes, *y = teacher + dim_t(r) * t.classes;
    const float max = row_max(t, x, lane, has), teacher_max = row_max(t, y, lane, has);
    const float log_sum = logf(row_exp_sum(t, x, max, 1.f, lane, has));
    const float exps = row_exp_sum(t, x, max, inverse_t, lane, has);
    const TeacherSums of_teacher = teacher_sums(t, x, max, y, teacher_max, inverse_t, lane, has);
    if (!has || lane != 0) return;
    float* out = stats + kNumDistillStats * r;
    out[0] = max;
    out[1] = log_sum;
    out[2] = logf(exps);
    out[3] = teacher_max;
    out[4] = logf(of_teacher.exps);
    sums[1] += double(of_teacher.weighted / of_teacher.exps) + log(double(exps) / double(of_teacher.exps));
    const std::int32_t label = a.labels[t.first_row() + r];
    const bool valid = label >= 0 && label < t.classes;
    sums[0] += valid ? double(max - x[label]) + double(log_sum) : double(NAN);
    sums[2] += valid ? 0.0 : 1.0;
  });
  block_sums<kRowThreads>(sums, scratch);
  write_rows(t, stats, kNumDistillStats, a.row_stats);  // complete since the barrier of the sums
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1) {
    results(sums);
  } else {
    for (int k = 0; k < kNumSums; ++k) partials[dim_t(blockIdx.x) * kNumSums + k] = sums[k];
  }
}

__global__ void __launch_bounds__(kRowThreads) distill_backward_kernel(DistillBackwardArgs a, RowTiles t) {
  EMU_SHARED(float, stats, [kNumDistillStats * kTileRows]);
  EMU_SHARED(std::int32_t, labels, [kTileRows]);
  const float inverse_t = 1.f / a.temperature, inverse_rows = 1.f / float(t.rows);
  const float xent_scale = a.grad_xent ? *a.grad_xent * inverse_rows : 0.f;
  const float kl_scale = a.grad_kl ? *a.grad_kl * a.factor * inverse_t * inverse_rows : 0.f;
  read_rows(t, a.row_stats, kNumDistillStats, stats);
  read_rows(t, a.labels, 1, labels);
  __syncthreads();
  const dim_t first = t.first_value();
  map_values<2, 1>(t, {a.student + first, a.teacher + first}, {a.grad_student + first},
                   [&](int r, int c, const float(&v)[2], float(&out)[1]) {
                     const float* of_row = stats + kNumDistillStats * r;
                     const float x = v[0] - of_row[0], y = v[1] - of_row[3];
                     const float pull = expf(x * inverse_t - of_row[2]) - expf(y * inverse_t - of_row[4]);
                     const std::int32_t label = labels[r];
                     const bool valid = label >= 0 && label < t.classes;
                     const float from_label = expf(x - of_row[1]) - (c == label ? 1.f : 0.f);
                     out[0] = kl_scale * pull + (valid ? xent_scale * from_label : 0.f);
                   });
}

}  // namespace

void distill_forward(Stream stream, const DistillForwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 2);
  auto* partials = static_cast<double*>(args.workspace);
  const Results results = {args.mean_xent, args.mean_kl, args.num_invalid, 1.0 / double(args.rows),
                           double(args.factor)};
  ENGRAM_LAUNCH(distill_forward_kernel, grid_of(t.tiles()), kRowThreads, t.shared_bytes(2), stream, args, t, partials,
                results);
  if (t.tiles() > 1) ENGRAM_LAUNCH(finish_kernel, dim3(1), kRowThreads, 0, stream, partials, t.tiles(), results);
}

void distill_backward(Stream stream, const DistillBackwardArgs& args) {
  if (args.rows == 0 || args.classes == 0) return;
  const RowTiles t(args.rows, args.classes, 1);
  ENGRAM_LAUNCH(distill_backward_kernel, grid_of(t.tiles()), kRowThreads, 0, stream, args, t);
}

std::size_t distill_workspace_bytes(dim_t rows, dim_t classes) {
  if (rows == 0 || classes == 0) return 0;
  return std::size_t(RowTiles(rows, classes, 2).tiles()) * kNumSums * sizeof(double);
}

}  // namespace engram::kernels::cuda
