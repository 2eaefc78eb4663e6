#include "kernels/softmax_xent/distill_cpu.h"

#include "kernels/softmax_xent/row_chunks.h"

namespace engram::kernels {
namespace {

/// Sums over the rows of a chunk.
struct ChunkSums {
  double xent, kl, invalid;
};

/// sum e and sum e (a - b) with e = exp(a), a and b the teacher's and the student's logits below their maxima, over T.
struct TeacherSums {
  float exps, weighted;
};

ENGRAM_ALWAYS_INLINE TeacherSums teacher_sums(const float* student, float student_max, const float* teacher,
                                              float teacher_max, dim_t classes, float inverse_t) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  Vec16 exps = {}, weighted = {};
  for_lanes(
      0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
        const Vec16 a = (load_lanes(teacher + c, lanes, kLowest) - teacher_max) * inverse_t;
        const Vec16 b = (load_lanes(student + c, lanes, student_max) - student_max) * inverse_t;
        const Vec16 e = exp16(a);
        exps += e;
        weighted += e == 0.f ? Vec16{} : e * (a - b);  // 0 log 0 = 0
      });
  return {sum_lanes(exps), sum_lanes(weighted)};
}

/// With Z the sums of exponentials of both soft-maxes at T,
/// KL = sum p (log p - log q) = sum e (a - b) / Z_t + log Z_s - log Z_t,
/// whose last two terms are taken in double: they cancel nearly where the two agree.
ENGRAM_MULTIVERSION ChunkSums forward_rows(const DistillForwardArgs& args, dim_t begin, dim_t end) {
  const float inverse_t = 1 / args.temperature;
  const dim_t classes = args.classes;
  ChunkSums sums = {0, 0, 0};
  for (dim_t r = begin; r < end; ++r) {
    const float *student = args.student + r * classes, *teacher = args.teacher + r * classes;
    const RowStats s = row_statistics(student, classes, 1.f);
    const float exps = row_exp_sum(student, classes, s.max, inverse_t), teacher_max = row_max(teacher, classes);
    const TeacherSums t = teacher_sums(student, s.max, teacher, teacher_max, classes, inverse_t);
    float* stats = args.row_stats + r * kNumDistillStats;
    stats[0] = s.max;
    stats[1] = s.log_sum;
    stats[2] = std::log(exps);
    stats[3] = teacher_max;
    stats[4] = std::log(t.exps);
    sums.kl += double(t.weighted) / double(t.exps) + std::log(double(exps) / double(t.exps));
    const std::int32_t label = args.labels[r];
    if (label >= 0 && label < classes) {
      sums.xent += double(s.max - student[label]) + double(s.log_sum);
    } else {
      sums.xent += std::numeric_limits<double>::quiet_NaN();
      sums.invalid += 1;
    }
  }
  return sums;
}

ENGRAM_MULTIVERSION void backward_rows(const DistillBackwardArgs& args, dim_t begin, dim_t end) {
  const float inverse_t = 1 / args.temperature;
  const dim_t classes = args.classes;
  const float xent_scale = args.grad_xent ? *args.grad_xent / float(args.rows) : 0.f;
  const float kl_scale = args.grad_kl ? *args.grad_kl * args.factor * inverse_t / float(args.rows) : 0.f;
  for (dim_t r = begin; r < end; ++r) {
    const float *student = args.student + r * classes, *teacher = args.teacher + r * classes;
    const float* stats = args.row_stats + r * kNumDistillStats;
    const float max = stats[0], log_sum = stats[1], log_sum_t = stats[2], teacher_max = stats[3],
                teacher_log_sum = stats[4];
    const std::int32_t label = args.labels[r];
    const float scale = label >= 0 && label < classes ? xent_scale : 0.f;
    float* out = args.grad_student + r * classes;
    for_lanes(
        0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          const Vec16 x = load_lanes(student + c, lanes, max) - max;
          const Vec16 y = load_lanes(teacher + c, lanes, teacher_max) - teacher_max;
          const Vec16 pull = exp16(x * inverse_t - log_sum_t) - exp16(y * inverse_t - teacher_log_sum);
          store_lanes(out + c, kl_scale * pull + scale * exp16(x - log_sum), lanes);
        });
    if (scale != 0.f) out[label] -= scale;
  }
}

}  // namespace

void distill_forward(Stream, const DistillForwardArgs& args) {
  const dim_t chunk = rows_per_chunk(args.classes), chunks = (args.rows + chunk - 1) / chunk;
  auto* sums = static_cast<ChunkSums*>(args.workspace);
  parallel_for(chunks, chunk * args.classes * 16,
               [&](dim_t i) { sums[i] = forward_rows(args, i * chunk, std::min(args.rows, (i + 1) * chunk)); });
  ChunkSums total = {0, 0, 0};
  for (dim_t i = 0; i < chunks; ++i) {
    total.xent += sums[i].xent;
    total.kl += sums[i].kl;
    total.invalid += sums[i].invalid;
  }
  *args.mean_xent = float(total.xent / double(args.rows));
  *args.mean_kl = float(args.factor * total.kl / double(args.rows));
  *args.num_invalid = std::int32_t(total.invalid);
}

void distill_backward(Stream, const DistillBackwardArgs& args) {
  for_row_chunks(args, backward_rows);
}

std::size_t distill_workspace_bytes(dim_t rows, dim_t classes) {
  const dim_t chunk = rows_per_chunk(classes);
  return std::size_t((rows + chunk - 1) / chunk) * sizeof(ChunkSums);
}

}  // namespace engram::kernels
