#include "engine/ops/losses.h"

#include <cmath>

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
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

/// The mean loss in recorded operations.
Tensor recorded_xent(const Tensor& logits, const Tensor& soft, float smoothing) {
  return mul(sum(mul(smoothed(soft, smoothing), log_softmax(logits))), -1 / float(logits.dim(0)));
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
  record_fused(
      kName, {x, targets.labels}, {&result.loss},
      [stats = result.row_stats, smoothing = targets.smoothing](BackwardContext& context, const auto& in) {
        return std::vector{
            xent_backward("softmax_cross_entropy_backward", in[0], {in[1], {}, smoothing}, stats, context.grad())};
      },
      [smoothing = targets.smoothing](const auto& in) {
        return std::vector{recorded_xent(in[0], one_hot(in[1], in[0].dim(1)), smoothing)};
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
  record_fused(
      kName, {x, t}, {&result.loss},
      [stats = result.row_stats, smoothing](BackwardContext& context, const auto& in) {
        const Tensor g = context.grad();
        Tensor grad_logits, grad_targets;
        if (context.needs(0))
          grad_logits = xent_backward("softmax_cross_entropy_backward", in[0], {{}, in[1], smoothing}, stats, g);
        if (context.needs(1)) grad_targets = mul(log_softmax(in[0]), mul(g, (smoothing - 1) / float(in[0].dim(0))));
        return std::vector{grad_logits, grad_targets};
      },
      [smoothing](const auto& in) { return std::vector{recorded_xent(in[0], in[1], smoothing)}; });
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
  // By hand and not by `record_fused`: the result says enough, so that the logits need not be kept.
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

/// The divergence in recorded operations.
Tensor recorded_kl(const Tensor& student, const Tensor& teacher, float temperature, float factor) {
  const Tensor log_q = log_softmax(mul(student, 1 / temperature)), log_p = log_softmax(mul(teacher, 1 / temperature));
  return mul(sum(mul(exp(log_p), sub(log_p, log_q))), factor / float(student.dim(0)));
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
  record_fused(
      kName, {s, t}, {&loss},
      [=](BackwardContext& context, const auto& in) {
        const auto empty_if = [&](int index) {
          return context.needs(index) ? Tensor::empty(in[0].shape(), DType::kF32, device) : Tensor();
        };
        const Tensor grad_s = empty_if(0), grad_t = empty_if(1), g = context.grad();
        OpScope scope("kl_divergence_backward",
                      kernels::kl_cost(rows, classes, int(context.needs(0)) + int(context.needs(1))));
        backend(device).softmax_xent.kl_backward(
            current_stream(device), {in[0].template data<float>(), in[1].template data<float>(), s_stats.data<float>(),
                                     t_stats.data<float>(), row_kl.data<float>(), g.data<float>(), rows, classes,
                                     temperature, factor, data_or_null(grad_s), data_or_null(grad_t)});
        return std::vector{grad_s, grad_t};
      },
      [=](const auto& in) { return std::vector{recorded_kl(in[0], in[1], temperature, factor)}; });
  return loss;
}

}  // namespace engram
