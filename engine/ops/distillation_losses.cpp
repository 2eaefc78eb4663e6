#include "engine/ops/distillation_losses.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/device_memory.h"
#include "engine/ops/label_errors.h"
#include "engine/ops/layout.h"
#include "engine/ops/losses.h"
#include "engine/ops/optional_data.h"
#include "engine/profiler.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram {
namespace {

constexpr const char* kDistillationLosses = "distillation_losses";

void check(const Tensor& student, const Tensor& teacher, const Tensor& labels, const SoftTargetOptions& options) {
  if (!student.defined() || !teacher.defined() || !labels.defined())
    throw UsageError(message("[", kDistillationLosses, "] expected two logits and labels, got an empty handle"));
  if (student.dtype() != DType::kF32 || teacher.dtype() != DType::kF32)
    throw DTypeError(message("[", kDistillationLosses, "] expected f32 logits, got ", student.describe(), " and ",
                             teacher.describe()));
  if (student.rank() != 2 || student.numel() == 0 || student.shape() != teacher.shape())
    throw ShapeError(message("[", kDistillationLosses,
                             "] expected logits of equal shapes [rows, classes] with at least one of each, ", "got ",
                             student.describe(), " and ", teacher.describe()));
  if (labels.dtype() != DType::kI32)
    throw DTypeError(message("[", kDistillationLosses, "] expected i32 labels, got ", labels.describe()));
  if (labels.shape() != Shape{student.dim(0)})
    throw ShapeError(
        message("[", kDistillationLosses, "] expected labels [", student.dim(0), "], got ", labels.describe()));
  if (!(options.temperature > 0))
    throw UsageError(message("[", kDistillationLosses, "] expected a temperature above 0, got ", options.temperature));
  check_one_device(kDistillationLosses, {student, teacher, labels});
}

/// The student's gradient; an undefined gradient of a loss counts as 0.
Tensor student_gradient(const Tensor& student, const Tensor& teacher, const Tensor& labels, const Tensor& stats,
                        const Tensor& grad_xent, const Tensor& grad_kl, const SoftTargetOptions& options) {
  const dim_t rows = student.dim(0), classes = student.dim(1);
  Tensor grad_student = Tensor::empty(student.shape(), DType::kF32, student.device());
  OpScope scope("distillation_losses_backward", kernels::distill_cost(rows, classes, true));
  backend(student.device())
      .softmax_xent.distill_backward(current_stream(student.device()), {.student = student.data<float>(),
                                                                        .teacher = teacher.data<float>(),
                                                                        .labels = labels.data<std::int32_t>(),
                                                                        .row_stats = stats.data<float>(),
                                                                        .grad_xent = data_or_null(grad_xent),
                                                                        .grad_kl = data_or_null(grad_kl),
                                                                        .rows = rows,
                                                                        .classes = classes,
                                                                        .temperature = options.temperature,
                                                                        .factor = options.factor,
                                                                        .grad_student = grad_student.data<float>()});
  return grad_student;
}

}  // namespace

DistillationLosses distillation_losses(const Tensor& student_logits, const Tensor& teacher_logits,
                                       const Tensor& given_labels, const SoftTargetOptions& options) {
  check(student_logits, teacher_logits, given_labels, options);
  const Tensor student = student_logits.contiguous(), teacher = teacher_logits.detach().contiguous(),
               labels = given_labels.contiguous();
  const dim_t rows = student.dim(0), classes = student.dim(1);
  const Device device = student.device();
  DistillationLosses losses = {Tensor::empty({}, DType::kF32, device), Tensor::empty({}, DType::kF32, device)};
  const Tensor stats = Tensor::empty({rows, kernels::kNumDistillStats}, DType::kF32, device);
  Tensor num_invalid = Tensor::empty({}, DType::kI32, device);
  {
    const auto& family = backend(device).softmax_xent;
    const Tensor workspace = Tensor::empty({dim_t(family.distill_workspace_bytes(rows, classes))}, DType::kU8, device);
    OpScope scope(kDistillationLosses, kernels::distill_cost(rows, classes, false));
    family.distill_forward(current_stream(device), {.student = student.data<float>(),
                                                    .teacher = teacher.data<float>(),
                                                    .labels = labels.data<std::int32_t>(),
                                                    .rows = rows,
                                                    .classes = classes,
                                                    .temperature = options.temperature,
                                                    .factor = options.factor,
                                                    .row_stats = stats.data<float>(),
                                                    .mean_xent = losses.cross_entropy.data<float>(),
                                                    .mean_kl = losses.divergence.data<float>(),
                                                    .num_invalid = num_invalid.data<std::int32_t>(),
                                                    .workspace = workspace.raw_data()});
  }
  check_later(num_invalid, refuse_labels, kDistillationLosses, classes, rows);
  record_fused(
      kDistillationLosses, {student, teacher, labels}, {&losses.cross_entropy, &losses.divergence},
      [stats, options](BackwardContext& context, const auto& in) {
        return std::vector{student_gradient(in[0], in[1], in[2], stats, context.grad(0), context.grad(1), options)};
      },
      [options](const auto& in) {
        return std::vector{softmax_cross_entropy(in[0], in[2]),
                           kl_divergence(in[0], in[1], options.temperature, options.factor)};
      });
  return losses;
}

}  // namespace engram
