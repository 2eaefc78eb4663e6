#include "engine/ops/losses.h"

#include <cmath>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/label_errors.h"
#include "engine/ops/layout.h"
#include "engine/ops/optional_data.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram {
namespace {

void check_logits(const char* op, const Tensor& x) {
  if (!x.defined()) throw UsageError(message("[", op, "] expected logits, got an empty handle"));
  if (x.dtype() != DType::kF32) throw DTypeError(message("[", op, "] expected f32 logits, got ", x.describe()));
  if (x.rank() != 2 || x.numel() == 0)
    throw ShapeError(
        message("[", op, "] expected logits [rows, classes] with at least one of each, got ", x.describe()));
}

void check_same(const char* op, const Tensor& a, const Tensor& b) {
  if (!b.defined()) throw UsageError(message("[", op, "] expected two tensors, got an empty handle"));
  if (a.dtype() != b.dtype()) throw DTypeError(message("[", op, "] expected f32, got ", b.describe()));
  if (a.shape() != b.shape())
    throw ShapeError(message("[", op, "] expected equal shapes, got ", a.describe(), " and ", b.describe()));
  check_one_device(op, {a, b});
}

void check_smoothing(const char* op, float smoothing) {
  if (!(smoothing >= 0 && smoothing <= 1))
    throw UsageError(message("[", op, "] expected label_smoothing in [0, 1], got ", smoothing));
}

/// What both forms of the cross entropy share: the targets are labels or soft, the other handle is undefined.
struct XentTargets {
  Tensor labels;
  Tensor soft;
  float smoothing;
};

const std::int32_t* labels_or_null(const Tensor& labels) {
  return labels.defined() ? labels.data<std::int32_t>() : nullptr;
}

struct XentResult {
  Tensor loss, row_stats;
};

XentResult xent_forward(const char* name, const Tensor& logits, const XentTargets& targets) {
  const dim_t rows = logits.dim(0), classes = logits.dim(1);
  const Device device = logits.device();
  XentResult result = {Tensor::empty({}, DType::kF32, device), Tensor::empty({rows, 2}, DType::kF32, device)};
  Tensor row_loss = Tensor::empty({rows}, DType::kF32, device), num_invalid = Tensor::empty({}, DType::kI32, device);
  {
    OpScope scope(name, kernels::softmax_xent_forward_cost(rows, classes, targets.soft.defined()));
    backend(device).softmax_xent.forward(current_stream(device), {.logits = logits.data<float>(),
                                                                  .labels = labels_or_null(targets.labels),
                                                                  .soft_targets = data_or_null(targets.soft),
                                                                  .rows = rows,
                                                                  .classes = classes,
                                                                  .label_smoothing = targets.smoothing,
                                                                  .row_stats = result.row_stats.data<float>(),
                                                                  .row_loss = row_loss.data<float>(),
                                                                  .mean_loss = result.loss.data<float>(),
                                                                  .num_invalid = num_invalid.data<std::int32_t>()});
  }
  if (targets.labels.defined()) check_later(num_invalid, refuse_labels, name, classes, rows);
  return result;
}

Tensor xent_backward(const char* name, const Tensor& logits, const XentTargets& targets, const Tensor& row_stats,
                     const Tensor& grad) {
  const dim_t rows = logits.dim(0), classes = logits.dim(1);
  Tensor grad_logits = Tensor::empty(logits.shape(), DType::kF32, logits.device());
  OpScope scope(name, kernels::softmax_xent_backward_cost(rows, classes, targets.soft.defined()));
  backend(logits.device())
      .softmax_xent.backward(current_stream(logits.device()), {.logits = logits.data<float>(),
                                                               .labels = labels_or_null(targets.labels),
                                                               .soft_targets = data_or_null(targets.soft),
                                                               .row_stats = row_stats.data<float>(),
                                                               .grad_mean = grad.data<float>(),
                                                               .grad_rows = nullptr,
                                                               .rows = rows,
                                                               .classes = classes,
                                                               .label_smoothing = targets.smoothing,
                                                               .grad_logits = grad_logits.data<float>()});
  return grad_logits;
}

/// The targets after smoothing, recorded.
Tensor smoothed(const Tensor& targets, float smoothing) {
  return smoothing == 0 ? targets : add(mul(targets, 1 - smoothing), smoothing / float(targets.dim(1)));
}

/// The gradient to the logits of the mean loss in recorded operations: (sum_c t softmax(x) - t) g / rows.
Tensor composite_grad_logits(const Tensor& logits, const Tensor& targets, const Tensor& g) {
  const Tensor pull = sub(mul(sum(targets, {1}, true), softmax(logits)), targets);
  return mul(pull, mul(g, 1 / float(logits.dim(0))));
}

}  // namespace

Tensor one_hot(const Tensor& labels, dim_t classes) {
  if (labels.dtype() != DType::kI32 || labels.rank() != 1)
    throw ShapeError(message("[one_hot] expected i32 labels [rows], got ", labels.describe()));
  constexpr dim_t kMost = 1 << 24;  // f32 holds each of them
  if (classes < 1 || classes > kMost) throw ShapeError(message("[one_hot] expected 1 to 2^24 classes, got ", classes));
  std::vector<float> indices(static_cast<std::size_t>(classes));
  for (dim_t c = 0; c < classes; ++c) indices[c] = float(c);
  const NoGradGuard no_grad;
  return equal(reshape(convert(labels, DType::kF32), {labels.dim(0), 1}),
               Tensor::from(indices, {1, classes}, labels.device()));
}

Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  constexpr const char* kName = "softmax_cross_entropy";
  check_logits(kName, logits);
  check_smoothing(kName, options.label_smoothing);
  if (!labels.defined() || labels.dtype() != DType::kI32)
    throw DTypeError(
        message("[", kName, "] expected i32 labels, got ", labels.defined() ? labels.describe() : "an empty handle"));
  if (labels.shape() != Shape{logits.dim(0)})
    throw ShapeError(message("[", kName, "] expected labels [", logits.dim(0), "], got ", labels.describe()));
  check_one_device(kName, {logits, labels});
  const Tensor x = logits.contiguous();
  const XentTargets targets = {labels.contiguous(), {}, options.label_smoothing};
  XentResult result = xent_forward(kName, x, targets);
  if (needs_record({x}))
    record(kName, {x}, {&result.loss},
           [=, x = Saved(x), labels = Saved(targets.labels),
            stats = result.row_stats](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor logits = context.get(x), classes = context.get(labels);
             if (context.create_graph())
               return {composite_grad_logits(logits, smoothed(one_hot(classes, logits.dim(1)), targets.smoothing),
                                             context.grad())};
             return {xent_backward("softmax_cross_entropy_backward", logits, {classes, {}, targets.smoothing}, stats,
                                   context.grad())};
           });
  return result.loss;
}

Tensor softmax_cross_entropy_soft(const Tensor& logits, const Tensor& soft, const CrossEntropyOptions& options) {
  constexpr const char* kName = "softmax_cross_entropy_soft";
  check_logits(kName, logits);
  check_same(kName, logits, soft);
  check_smoothing(kName, options.label_smoothing);
  const Tensor x = logits.contiguous(), t = soft.contiguous();
  const float smoothing = options.label_smoothing;
  XentResult result = xent_forward(kName, x, {{}, t, smoothing});
  if (needs_record({x, t}))
    record(kName, {x, t}, {&result.loss},
           [=, x = Saved(x), t = Saved(t), stats = result.row_stats](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor logits = context.get(x), given = context.get(t), g = context.grad();
             Tensor grad_logits, grad_targets;
             if (context.needs(0)) {
               grad_logits = context.create_graph() ? composite_grad_logits(logits, smoothed(given, smoothing), g)
                                                    : xent_backward("softmax_cross_entropy_backward", logits,
                                                                    {{}, given, smoothing}, stats, g);
             }
             if (context.needs(1))
               grad_targets = mul(log_softmax(logits), mul(g, (smoothing - 1) / float(logits.dim(0))));
             return {grad_logits, grad_targets};
           });
  return result.loss;
}

Tensor log_softmax(const Tensor& input) {
  if (!input.defined() || input.dtype() != DType::kF32)
    throw DTypeError(
        message("[log_softmax] expected f32, got ", input.defined() ? input.describe() : "an empty handle"));
  if (input.rank() == 0) throw ShapeError("[log_softmax] expected at least one axis, got a scalar");
  const Tensor x = input.contiguous();
  const dim_t classes = x.dim(-1), rows = classes == 0 ? 0 : x.numel() / classes;
  Tensor y = Tensor::empty(x.shape(), DType::kF32, x.device());
  if (rows > 0) {
    OpScope scope("log_softmax", kernels::log_softmax_cost(rows, classes, false));
    backend(x.device())
        .softmax_xent.log_softmax_forward(current_stream(x.device()),
                                          {x.data<float>(), y.data<float>(), rows, classes});
  }
  if (needs_record({x}))
    record("log_softmax", {x}, {&y},
           [y = Saved::output(y), rows, classes](BackwardContext& context) -> std::vector<Tensor> {
             const Tensor log_p = context.get(y), g = context.grad().contiguous();
             if (context.create_graph()) return {sub(g, mul(exp(log_p), sum(g, {-1}, true)))};
             Tensor grad_x = Tensor::empty(log_p.shape(), DType::kF32, log_p.device());
             if (rows == 0) return {grad_x};
             OpScope scope("log_softmax_backward", kernels::log_softmax_cost(rows, classes, true));
             backend(log_p.device())
                 .softmax_xent.log_softmax_backward(
                     current_stream(log_p.device()),
                     {log_p.data<float>(), g.data<float>(), grad_x.data<float>(), rows, classes});
             return {grad_x};
           });
  return y;
}

Tensor softmax(const Tensor& x) {
  return exp(log_softmax(x));
}

Tensor mse(const Tensor& a, const Tensor& b) {
  if (!a.defined()) throw UsageError("[mse] expected two tensors, got an empty handle");
  check_same("mse", a, b);
  return mean(square(sub(a, b)));
}

namespace {

/// The gradients of the divergence in recorded operations.
std::vector<Tensor> composite_kl_grads(BackwardContext& context, const Tensor& student, const Tensor& teacher,
                                       float temperature, float factor) {
  const Tensor log_q = log_softmax(mul(student, 1 / temperature)), log_p = log_softmax(mul(teacher, 1 / temperature));
  const Tensor p = exp(log_p), g = mul(context.grad(), factor / (float(student.dim(0)) * temperature));
  Tensor grad_student, grad_teacher;
  if (context.needs(0)) grad_student = mul(sub(exp(log_q), p), g);
  if (context.needs(1)) {
    const Tensor ratio = sub(log_p, log_q);
    grad_teacher = mul(mul(p, sub(ratio, sum(mul(p, ratio), {1}, true))), g);
  }
  return {grad_student, grad_teacher};
}

}  // namespace

Tensor kl_divergence(const Tensor& student_logits, const Tensor& teacher_logits, float temperature, float factor) {
  constexpr const char* kName = "kl_divergence";
  check_logits(kName, student_logits);
  check_same(kName, student_logits, teacher_logits);
  if (!(temperature > 0)) throw UsageError(message("[", kName, "] expected a temperature above 0, got ", temperature));
  const Tensor s = student_logits.contiguous(), t = teacher_logits.contiguous();
  const dim_t rows = s.dim(0), classes = s.dim(1);
  const Device device = s.device();
  Tensor loss = Tensor::empty({}, DType::kF32, device);
  const Tensor s_stats = Tensor::empty({rows, 2}, DType::kF32, device),
               t_stats = Tensor::empty({rows, 2}, DType::kF32, device);
  const Tensor row_kl = Tensor::empty({rows}, DType::kF32, device);
  {
    OpScope scope(kName, kernels::kl_cost(rows, classes, 0));
    backend(device).softmax_xent.kl_forward(
        current_stream(device),
        {s.data<float>(), t.data<float>(), rows, classes, temperature, factor, s_stats.data<float>(),
         t_stats.data<float>(), row_kl.data<float>(), loss.data<float>()});
  }
  if (needs_record({s, t}))
    record(kName, {s, t}, {&loss}, [=, s = Saved(s), t = Saved(t)](BackwardContext& context) -> std::vector<Tensor> {
      const Tensor student = context.get(s), teacher = context.get(t);
      if (context.create_graph()) return composite_kl_grads(context, student, teacher, temperature, factor);
      Tensor grad_s, grad_t;
      if (context.needs(0)) grad_s = Tensor::empty(student.shape(), DType::kF32, device);
      if (context.needs(1)) grad_t = Tensor::empty(teacher.shape(), DType::kF32, device);
      const Tensor g = context.grad();
      OpScope scope("kl_divergence_backward",
                    kernels::kl_cost(rows, classes, int(context.needs(0)) + int(context.needs(1))));
      backend(device).softmax_xent.kl_backward(
          current_stream(device),
          {student.data<float>(), teacher.data<float>(), s_stats.data<float>(), t_stats.data<float>(),
           row_kl.data<float>(), g.data<float>(), rows, classes, temperature, factor,
           grad_s.defined() ? grad_s.data<float>() : nullptr, grad_t.defined() ? grad_t.data<float>() : nullptr});
      return {grad_s, grad_t};
    });
  return loss;
}

}  // namespace engram
