/// 8192 x 100 logits at T = 4 on AVX2, in ms on two threads, forward and backward: 7.4 and 4.7 with vectors of sixteen
/// lanes, whose comparisons GCC 12 made scalar; 1.4 and 1.0 with pairs of vectors of eight (lanes.h); 1.1 and 0.8 with
/// normal_exp16, and with one loop for all three exponentials (with 1000 classes it is no faster than a loop each). The
/// exponentials are what remains: three a logit, 0.35 ns each on one core, where 4096 x 1000 take 0.24 and 0.54 of a
/// copy of the same bytes. Estrin's scheme in place of Horner's was 9 to 17 % slower. Not done: exp(x) as exp(x / T)^T,
/// which would save a third where T is a power of two, for T times the rounding error.

#include "kernels/softmax_xent/distill_cpu.h"

#include "kernels/softmax_xent/row_chunks.h"

namespace engram::kernels {
namespace {

/// Sums over the rows of a chunk.
struct ChunkSums {
  double xent, kl, invalid;
};

/// Largest logits of a row.
struct RowMaxima {
  float student, teacher;
};

template <class V>
ENGRAM_ALWAYS_INLINE RowMaxima row_maxima(const float* student, const float* teacher, dim_t classes) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  V of_student = splat<V>(kLowest), of_teacher = of_student;
  for_lanes(
      0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
        of_student = max16(of_student, load_lanes<V>(student + c, lanes, kLowest));
        of_teacher = max16(of_teacher, load_lanes<V>(teacher + c, lanes, kLowest));
      });
  return {max_lanes(of_student), max_lanes(of_teacher)};
}

/// Sums over a row of exp(x), exp(x / T), e and e (y - x) / T, with x and y the student's and the teacher's logits
/// below their maxima and e = exp(y / T).
struct RowSums {
  float student, student_t, teacher, weighted;
};

template <class V>
ENGRAM_ALWAYS_INLINE RowSums row_sums(const float* student, const float* teacher, RowMaxima max, dim_t classes,
                                      float inverse_t) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  V exps = {}, exps_t = {}, teacher_exps = {}, weighted = {};
  for_lanes(
      0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
        const V x = load_lanes<V>(student + c, lanes, kLowest) - max.student, b = x * inverse_t;
        const V a = (load_lanes<V>(teacher + c, lanes, kLowest) - max.teacher) * inverse_t;
        const V e = normal_exp16(a);
        exps += normal_exp16(x);
        exps_t += normal_exp16(b);
        teacher_exps += e;
        weighted += select(e == 0.f, V{}, e * (a - b));  // 0 log 0 = 0
      });
  return {sum_lanes(exps), sum_lanes(exps_t), sum_lanes(teacher_exps), sum_lanes(weighted)};
}

/// With Z the sums of exponentials of both soft-maxes at T,
/// KL = sum p (log p - log q) = sum e (a - b) / Z_t + log Z_s - log Z_t,
/// whose last two terms are taken in double: they cancel nearly where the two agree.
template <class V>
ENGRAM_ALWAYS_INLINE ChunkSums forward_rows_lanes(const DistillForwardArgs& args, dim_t begin, dim_t end) {
  const float inverse_t = 1 / args.temperature;
  const dim_t classes = args.classes;
  ChunkSums sums = {0, 0, 0};
  for (dim_t r = begin; r < end; ++r) {
    const float *student = args.student + r * classes, *teacher = args.teacher + r * classes;
    const RowMaxima max = row_maxima<V>(student, teacher, classes);
    const RowSums row = row_sums<V>(student, teacher, max, classes, inverse_t);
    float* stats = args.row_stats + r * kNumDistillStats;
    stats[0] = max.student;
    stats[1] = std::log(row.student);
    stats[2] = std::log(row.student_t);
    stats[3] = max.teacher;
    stats[4] = std::log(row.teacher);
    sums.kl += double(row.weighted) / double(row.teacher) + std::log(double(row.student_t) / double(row.teacher));
    const std::int32_t label = args.labels[r];
    if (label >= 0 && label < classes) {
      sums.xent += double(stats[0] - student[label]) + double(stats[1]);
    } else {
      sums.xent += std::numeric_limits<double>::quiet_NaN();
      sums.invalid += 1;
    }
  }
  return sums;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(ChunkSums, forward_rows, (const DistillForwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

template <class V>
ENGRAM_ALWAYS_INLINE void backward_rows_lanes(const DistillBackwardArgs& args, dim_t begin, dim_t end) {
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
          const V x = load_lanes<V>(student + c, lanes, max) - max;
          const V y = load_lanes<V>(teacher + c, lanes, teacher_max) - teacher_max;
          const V pull = normal_exp16(x * inverse_t - log_sum_t) - normal_exp16(y * inverse_t - teacher_log_sum);
          store_lanes(out + c, kl_scale * pull + scale * normal_exp16(x - log_sum), lanes);
        });
    if (scale != 0.f) out[label] -= scale;
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, backward_rows, (const DistillBackwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

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
