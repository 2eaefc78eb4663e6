#include "kernels/softmax_xent/distill_cpu.h"
#include "kernels/softmax_xent/row_chunks.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels {
namespace {

bool valid_label(const SoftmaxXentForwardArgs& args, dim_t row) {
  return !args.labels || (args.labels[row] >= 0 && args.labels[row] < args.classes);
}

template <class V>
ENGRAM_ALWAYS_INLINE void xent_forward_rows_lanes(const SoftmaxXentForwardArgs& args, dim_t begin, dim_t end) {
  const dim_t classes = args.classes;
  const float smoothing = args.label_smoothing;
  for (dim_t r = begin; r < end; ++r) {
    const float* x = args.logits + r * classes;
    const RowStats stats = row_statistics<V>(x, classes, 1.f);
    args.row_stats[2 * r] = stats.max;
    args.row_stats[2 * r + 1] = stats.log_sum;
    float loss = 0;  // sums of (m - x_c) and of log_sum separately: no cancellation
    if (args.labels) {
      if (!valid_label(args, r)) {
        args.row_loss[r] = std::numeric_limits<float>::quiet_NaN();
        continue;
      }
      loss = (1 - smoothing) * (stats.max - x[args.labels[r]]) + stats.log_sum;
      if (smoothing != 0) {
        V below = {};
        for_lanes(
            0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
              below += stats.max - load_lanes<V>(x + c, lanes, stats.max);
            });
        loss += smoothing / float(classes) * sum_lanes(below);
      }
    } else {
      const float* t = args.soft_targets + r * classes;
      V below = {};
      for_lanes(
          0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
            const V minus_log_p = (stats.max - load_lanes<V>(x + c, lanes, stats.max)) + stats.log_sum;
            const float floor = smoothing / float(classes);
            // Lanes past the end get target 0.
            below += minus_log_p * load_lanes<V>(t + c, lanes, 0) * (1 - smoothing);
            if (floor != 0) {
              below += floor * (lanes == 16 ? minus_log_p : select(first_lanes16<V>(lanes), minus_log_p, V{}));
            }
          });
      loss = sum_lanes(below);
    }
    args.row_loss[r] = loss;
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, xent_forward_rows, (const SoftmaxXentForwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

template <class V>
ENGRAM_ALWAYS_INLINE void xent_backward_rows_lanes(const SoftmaxXentBackwardArgs& args, dim_t begin, dim_t end) {
  const dim_t classes = args.classes;
  const float smoothing = args.label_smoothing;
  const float floor = smoothing / float(classes);
  const float mean_grad = args.grad_mean ? *args.grad_mean / float(args.rows) : 0.f;
  for (dim_t r = begin; r < end; ++r) {
    const float* x = args.logits + r * classes;
    float* out = args.grad_logits + r * classes;
    const float max = args.row_stats[2 * r], log_sum = args.row_stats[2 * r + 1];
    const float grad = mean_grad + (args.grad_rows ? args.grad_rows[r] : 0.f);
    if (args.labels) {
      const std::int32_t label = args.labels[r];
      if (label < 0 || label >= classes) {
        for (dim_t c = 0; c < classes; ++c) out[c] = 0;
        continue;
      }
      for_lanes(
          0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
            const V p = normal_exp16((load_lanes<V>(x + c, lanes, max) - max) - log_sum);
            const V target = floor + select(lane16<V>(label - c), splat<V>(1 - smoothing), V{});
            store_lanes(out + c, (p - target) * grad, lanes);
          });
    } else {
      const float* t = args.soft_targets + r * classes;
      V lane_sum = {};
      for_lanes(
          0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
            lane_sum += load_lanes<V>(t + c, lanes, 0);
          });
      const float target_sum = (1 - smoothing) * sum_lanes(lane_sum) + smoothing;
      for_lanes(
          0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
            const V p = normal_exp16((load_lanes<V>(x + c, lanes, max) - max) - log_sum);
            const V target = floor + (1 - smoothing) * load_lanes<V>(t + c, lanes, 0);
            store_lanes(out + c, (target_sum * p - target) * grad, lanes);
          });
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, xent_backward_rows, (const SoftmaxXentBackwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

template <class V>
ENGRAM_ALWAYS_INLINE void log_softmax_forward_rows_lanes(const LogSoftmaxForwardArgs& args, dim_t begin, dim_t end) {
  for (dim_t r = begin; r < end; ++r) {
    const float* x = args.x + r * args.classes;
    float* y = args.y + r * args.classes;
    const RowStats stats = row_statistics<V>(x, args.classes, 1.f);
    for_lanes(
        0, args.classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          store_lanes(y + c, (load_lanes<V>(x + c, lanes) - stats.max) - stats.log_sum, lanes);
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, log_softmax_forward_rows,
                                (const LogSoftmaxForwardArgs& args, dim_t begin, dim_t end), (args, begin, end))

template <class V>
ENGRAM_ALWAYS_INLINE void log_softmax_backward_rows_lanes(const LogSoftmaxBackwardArgs& args, dim_t begin, dim_t end) {
  for (dim_t r = begin; r < end; ++r) {
    const float* y = args.y + r * args.classes;
    const float* g = args.grad_y + r * args.classes;
    float* out = args.grad_x + r * args.classes;
    V lane_sum = {};
    for_lanes(
        0, args.classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          lane_sum += load_lanes<V>(g + c, lanes, 0);
        });
    const float sum = sum_lanes(lane_sum);
    for_lanes(
        0, args.classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          store_lanes(out + c, load_lanes<V>(g + c, lanes, 0) - normal_exp16(load_lanes<V>(y + c, lanes, 0)) * sum,
                      lanes);
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, log_softmax_backward_rows,
                                (const LogSoftmaxBackwardArgs& args, dim_t begin, dim_t end), (args, begin, end))

/// log p, log q and p of one group of lanes.
template <class V>
struct KlLanes {
  V p, log_p, log_q;
};

template <class V>
ENGRAM_ALWAYS_INLINE KlLanes<V> kl_lanes(const float* student, RowStats s, const float* teacher, RowStats t,
                                         dim_t lanes, float inverse_t) {
  const V log_q = (load_lanes<V>(student, lanes, s.max) - s.max) * inverse_t - s.log_sum;
  // Lanes past the end have p = 0.
  const V log_p =
      (load_lanes<V>(teacher, lanes, -std::numeric_limits<float>::infinity()) - t.max) * inverse_t - t.log_sum;
  return {normal_exp16(log_p), log_p, log_q};
}

template <class V>
ENGRAM_ALWAYS_INLINE void kl_forward_rows_lanes(const KlForwardArgs& args, dim_t begin, dim_t end) {
  const float inverse_t = 1 / args.temperature;
  for (dim_t r = begin; r < end; ++r) {
    const float* student = args.student + r * args.classes;
    const float* teacher = args.teacher + r * args.classes;
    const RowStats s = row_statistics<V>(student, args.classes, inverse_t);
    const RowStats t = row_statistics<V>(teacher, args.classes, inverse_t);
    args.student_stats[2 * r] = s.max;
    args.student_stats[2 * r + 1] = s.log_sum;
    args.teacher_stats[2 * r] = t.max;
    args.teacher_stats[2 * r + 1] = t.log_sum;
    V sum = {};
    for_lanes(
        0, args.classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          const KlLanes<V> k = kl_lanes<V>(student + c, s, teacher + c, t, lanes, inverse_t);
          sum += select(k.p == 0.f, V{}, k.p * (k.log_p - k.log_q));
        });
    args.row_kl[r] = sum_lanes(sum);
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, kl_forward_rows, (const KlForwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

template <class V>
ENGRAM_ALWAYS_INLINE void kl_backward_rows_lanes(const KlBackwardArgs& args, dim_t begin, dim_t end) {
  const float inverse_t = 1 / args.temperature;
  const float scale = *args.grad * args.factor * inverse_t / float(args.rows);
  for (dim_t r = begin; r < end; ++r) {
    const dim_t offset = r * args.classes;
    const RowStats s = {args.student_stats[2 * r], args.student_stats[2 * r + 1]};
    const RowStats t = {args.teacher_stats[2 * r], args.teacher_stats[2 * r + 1]};
    for_lanes(
        0, args.classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
          const KlLanes<V> k =
              kl_lanes<V>(args.student + offset + c, s, args.teacher + offset + c, t, lanes, inverse_t);
          if (args.grad_student)
            store_lanes(args.grad_student + offset + c, (normal_exp16(k.log_q) - k.p) * scale, lanes);
          if (args.grad_teacher) {
            const V g = select(k.p == 0.f, V{}, k.p * ((k.log_p - k.log_q) - args.row_kl[r]) * scale);
            store_lanes(args.grad_teacher + offset + c, g, lanes);
          }
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, kl_backward_rows, (const KlBackwardArgs& args, dim_t begin, dim_t end),
                                (args, begin, end))

/// Serial sum in double: a fixed order for any number of threads.
double sum_rows(const float* values, dim_t rows) {
  double sum = 0;
  for (dim_t r = 0; r < rows; ++r) sum += values[r];
  return sum;
}

void forward(Stream, const SoftmaxXentForwardArgs& args) {
  for_row_chunks(args, xent_forward_rows);
  *args.mean_loss = float(sum_rows(args.row_loss, args.rows) / double(args.rows));
  if (!args.num_invalid) return;
  std::int32_t invalid = 0;
  for (dim_t r = 0; r < args.rows; ++r) invalid += !valid_label(args, r);
  *args.num_invalid = invalid;
}

void backward(Stream, const SoftmaxXentBackwardArgs& args) {
  for_row_chunks(args, xent_backward_rows);
}

void log_softmax_forward(Stream, const LogSoftmaxForwardArgs& args) {
  for_row_chunks(args, log_softmax_forward_rows);
}

void log_softmax_backward(Stream, const LogSoftmaxBackwardArgs& args) {
  for_row_chunks(args, log_softmax_backward_rows);
}

void kl_forward(Stream, const KlForwardArgs& args) {
  for_row_chunks(args, kl_forward_rows);
  *args.loss = float(args.factor * sum_rows(args.row_kl, args.rows) / double(args.rows));
}

void kl_backward(Stream, const KlBackwardArgs& args) {
  for_row_chunks(args, kl_backward_rows);
}

}  // namespace

Cost softmax_xent_forward_cost(dim_t rows, dim_t classes, bool soft) {
  const dim_t count = rows * classes;
  return {4 * count * (soft ? 2 : 1) + (soft ? 0 : 4 * rows), 12 * rows, 4 * count};
}

Cost softmax_xent_backward_cost(dim_t rows, dim_t classes, bool soft) {
  const dim_t count = rows * classes;
  return {4 * count * (soft ? 2 : 1) + (soft ? 8 : 12) * rows, 4 * count, 4 * count};
}

Cost log_softmax_cost(dim_t rows, dim_t classes, bool backward) {
  const dim_t count = rows * classes;
  return {4 * count * (backward ? 2 : 1), 4 * count, 4 * count};
}

Cost distill_cost(dim_t rows, dim_t classes, bool backward) {
  const dim_t count = rows * classes, saved = 4 * kNumDistillStats * rows;
  if (backward) return {8 * count + 4 * rows + saved, 4 * count, 12 * count};
  return {8 * count + 4 * rows, saved, 12 * count};
}

Cost kl_cost(dim_t rows, dim_t classes, int num_outputs) {
  const dim_t count = rows * classes;
  const dim_t row_bytes = 20 * rows;  // written by the forward call, read by the backward one
  if (num_outputs == 0) return {8 * count, row_bytes, 10 * count};
  return {8 * count + row_bytes, 4 * count * num_outputs, 10 * count};
}

const SoftmaxXentKernels kCpuSoftmaxXent = {
    forward,     backward,        log_softmax_forward, log_softmax_backward,   kl_forward,
    kl_backward, distill_forward, distill_backward,    distill_workspace_bytes};

}  // namespace engram::kernels
