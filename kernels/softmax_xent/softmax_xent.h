#pragma once
/// Losses on logits [rows, classes], dense f32: cross entropy with labels or soft targets, log-softmax, the
/// Kullback-Leibler divergence of two soft-maxes at a temperature, and that divergence together with the cross entropy
/// of labels. Every forward saves two numbers a row and soft-max, `row_stats` [rows, 2] = {m, l} with m = max_c x and l
/// = log sum_c exp((x_c - m) / T); the log-probability of class c is then (x_c - m) / T - l, without cancellation for
/// large logits, and no [rows, classes] tensor is stored.

#include <cstdint>

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Cross entropy. Exactly one of `labels` [rows] and `soft_targets` [rows, classes] is given. With smoothing s the
/// target of a class is t = (1 - s) * given + s / classes, and the row's loss is -sum_c t_c log softmax(x)_c (soft
/// targets need not add up to 1).
struct SoftmaxXentForwardArgs {
  const float* logits;
  const std::int32_t* labels;  ///< or null
  const float* soft_targets;   ///< or null
  dim_t rows;
  dim_t classes;
  float label_smoothing;
  float* row_stats;           ///< [rows, 2]
  float* row_loss;            ///< [rows]; NaN in rows whose label is outside [0, classes)
  float* mean_loss;           ///< scalar: mean of row_loss
  std::int32_t* num_invalid;  ///< scalar: rows with such a label; or null
};

/// grad_logits = (sum_c t_c softmax(x) - t) * g, with g = *grad_mean / rows + grad_rows[row]; either pointer may be
/// null (then its part is 0). Rows with an invalid label get gradient 0.
struct SoftmaxXentBackwardArgs {
  const float* logits;
  const std::int32_t* labels;
  const float* soft_targets;
  const float* row_stats;
  const float* grad_mean;  ///< scalar or null
  const float* grad_rows;  ///< [rows] or null
  dim_t rows;
  dim_t classes;
  float label_smoothing;
  float* grad_logits;  ///< [rows, classes]; may be `logits`
};

/// y = log softmax(x) over classes. y may be x.
struct LogSoftmaxForwardArgs {
  const float* x;
  float* y;
  dim_t rows;
  dim_t classes;
};

/// grad_x = grad_y - exp(y) * sum_c grad_y. grad_x may be grad_y or y.
struct LogSoftmaxBackwardArgs {
  const float* y;
  const float* grad_y;
  float* grad_x;
  dim_t rows;
  dim_t classes;
};

/// loss = factor / rows * sum_{rows, c} p (log p - log q), p = softmax(teacher / T), q = softmax(student / T).
/// Classes with p = 0 add nothing. `factor` is usually 1 or T^2.
struct KlForwardArgs {
  const float* student;
  const float* teacher;
  dim_t rows;
  dim_t classes;
  float temperature;
  float factor;
  float* student_stats;  ///< [rows, 2]
  float* teacher_stats;  ///< [rows, 2]
  float* row_kl;         ///< [rows], without factor
  float* loss;           ///< scalar
};

/// grad_student = k (q - p), grad_teacher = k p (log p - log q - row_kl), k = *grad * factor / (rows T). Either output
/// may be null.
struct KlBackwardArgs {
  const float* student;
  const float* teacher;
  const float* student_stats;
  const float* teacher_stats;
  const float* row_kl;
  const float* grad;  ///< scalar
  dim_t rows;
  dim_t classes;
  float temperature;
  float factor;
  float* grad_student;  ///< or null
  float* grad_teacher;  ///< or null
};

/// Saved values a row of a DistillForwardArgs: m and l of the student at temperature 1, l of the student at T, and m
/// and l of the teacher at T.
inline constexpr int kNumDistillStats = 5;

/// mean_xent = mean over rows of -log softmax(student)_label, and mean_kl = the loss of KlForwardArgs, from one read of
/// both logits. A row whose label is outside [0, classes) makes mean_xent NaN and is counted in num_invalid.
struct DistillForwardArgs {
  const float* student;
  const float* teacher;
  const std::int32_t* labels;  ///< [rows]
  dim_t rows;
  dim_t classes;
  float temperature;
  float factor;
  float* row_stats;           ///< [rows, 5]
  float* mean_xent;           ///< scalar
  float* mean_kl;             ///< scalar, with factor
  std::int32_t* num_invalid;  ///< scalar
  void* workspace;            ///< distill_workspace_bytes, aligned to 8
};

/// grad_student = k_x (softmax(student) - onehot(label)) + k_t (q - p), k_x = *grad_xent / rows and
/// k_t = *grad_kl * factor / (rows T); a null scalar counts as 0. Rows with an invalid label lack the first term.
struct DistillBackwardArgs {
  const float* student;
  const float* teacher;
  const std::int32_t* labels;
  const float* row_stats;
  const float* grad_xent;  ///< scalar or null
  const float* grad_kl;    ///< scalar or null
  dim_t rows;
  dim_t classes;
  float temperature;
  float factor;
  float* grad_student;  ///< [rows, classes]
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct SoftmaxXentKernels {
  void (*forward)(Stream, const SoftmaxXentForwardArgs&);
  void (*backward)(Stream, const SoftmaxXentBackwardArgs&);
  void (*log_softmax_forward)(Stream, const LogSoftmaxForwardArgs&);
  void (*log_softmax_backward)(Stream, const LogSoftmaxBackwardArgs&);
  void (*kl_forward)(Stream, const KlForwardArgs&);
  void (*kl_backward)(Stream, const KlBackwardArgs&);
  void (*distill_forward)(Stream, const DistillForwardArgs&);
  void (*distill_backward)(Stream, const DistillBackwardArgs&);
  std::size_t (*distill_workspace_bytes)(dim_t rows, dim_t classes);
};

/// Minimum of one cross-entropy forward: logits and labels (or soft targets) read once, two statistics and a loss a row
/// written.
Cost softmax_xent_forward_cost(dim_t rows, dim_t classes, bool soft);
/// Minimum of one cross-entropy backward: logits, labels (or soft targets) and statistics read once, the gradient
/// written.
Cost softmax_xent_backward_cost(dim_t rows, dim_t classes, bool soft);
/// Log-softmax: forward reads one operand, backward two; each writes one.
Cost log_softmax_cost(dim_t rows, dim_t classes, bool backward);
/// Divergence: both logits read; forward (0 outputs) writes five numbers a row, backward reads them and writes
/// `num_outputs` gradients.
Cost kl_cost(dim_t rows, dim_t classes, int num_outputs);

/// Both logits and the labels read, five numbers a row written (forward) or read (backward, which writes the student's
/// gradient).
Cost distill_cost(dim_t rows, dim_t classes, bool backward);

/// The CPU back end.
extern const SoftmaxXentKernels kCpuSoftmaxXent;
/// The CUDA back end; defined where its kernels are linked.
extern const SoftmaxXentKernels kCudaSoftmaxXent;

/// Plain loops in double: the oracle of the tests.
namespace reference {
/// Dense targets [rows, classes] after smoothing, from labels or soft targets.
void smoothed_targets(const std::int32_t* labels, const double* soft_targets, dim_t rows, dim_t classes,
                      double smoothing, double* targets);
void softmax_xent(const double* logits, const double* targets, dim_t rows, dim_t classes, double* row_loss);
/// Gradient of sum_r grad_rows[r] * row_loss[r].
void softmax_xent_backward(const double* logits, const double* targets, const double* grad_rows, dim_t rows,
                           dim_t classes, double* grad_logits);
void log_softmax(const double* x, double* y, dim_t rows, dim_t classes);
void log_softmax_backward(const double* y, const double* grad_y, double* grad_x, dim_t rows, dim_t classes);
double kl(const double* student, const double* teacher, dim_t rows, dim_t classes, double temperature, double factor);
void kl_backward(const double* student, const double* teacher, double grad, dim_t rows, dim_t classes,
                 double temperature, double factor, double* grad_student, double* grad_teacher);
}  // namespace reference

}  // namespace engram::kernels
