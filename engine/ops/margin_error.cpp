#include "engine/ops/margin_error.h"

#include "engine/autograd.h"
#include "engine/backend.h"
#include "engine/composite.h"
#include "engine/ops/activation_layout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/layout.h"
#include "engine/ops/reduce.h"
#include "engine/profiler.h"
#include "kernels/margin_error/margin_error.h"

namespace engram {
namespace {

void check(const Tensor& student, const Tensor& teacher, const Tensor& margin) {
  if (!student.defined() || !teacher.defined() || !margin.defined())
    throw UsageError("[margin_error] expected two activations and margins, got an empty handle");
  if (teacher.dtype() != DType::kF32 || margin.dtype() != DType::kF32)
    throw DTypeError(message("[margin_error] expected f32, got ", teacher.describe(), " and ", margin.describe()));
  if (student.rank() != 4 || student.shape() != teacher.shape() || margin.shape() != Shape{student.dim(1)})
    throw ShapeError(message("[margin_error] expected activations of equal shapes [n, c, h, w] and margins [c], got ",
                             student.describe(), ", ", teacher.describe(), " and ", margin.describe()));
  check_one_device("margin_error", {student, teacher, margin});
}

/// The error in recorded operations.
Tensor recorded_error(const Tensor& student, const Tensor& teacher, const Tensor& margin, float factor) {
  const Tensor target = maximum(teacher, reshape(margin, {1, margin.dim(0), 1, 1}));
  const Tensor zero = Tensor::scalar(0, student.device());
  const Tensor open = maximum(greater(student, target), greater(target, zero)).detach();
  return mul(sum(mul(square(sub(student, target)), open)), factor);
}

Tensor error_gradient(const Tensor& student, const Tensor& teacher, const Tensor& margin, const Tensor& grad,
                      float factor) {
  Tensor grad_student = Tensor::empty(student.shape(), DType::kF32, student.device(), student.layout());
  OpScope scope("margin_error_backward", kernels::margin_error_cost(student.activation(), true));
  backend(student.device())
      .margin_error.backward(current_stream(student.device()), {.shape = student.activation(),
                                                                .student = student.data<float>(),
                                                                .teacher = teacher.data<float>(),
                                                                .margin = margin.data<float>(),
                                                                .grad = grad.data<float>(),
                                                                .factor = factor,
                                                                .grad_student = grad_student.data<float>()});
  return grad_student;
}

}  // namespace

Tensor margin_error(const Tensor& input, const Tensor& given_teacher, const Tensor& given_margin, float factor) {
  check(input, given_teacher, given_margin);
  const Tensor student = dense_activation("margin_error", input),
               teacher = in_layout(given_teacher.detach(), student.layout()),
               margin = given_margin.detach().contiguous();
  const kernels::ActivationShape shape = student.activation();
  const Device device = student.device();
  Tensor loss = student.numel() == 0 ? Tensor::zeros({}, device) : Tensor::empty({}, DType::kF32, device);
  if (student.numel() > 0) {
    const auto& family = backend(device).margin_error;
    const Tensor workspace = Tensor::empty({dim_t(family.workspace_bytes(shape))}, DType::kU8, device);
    OpScope scope("margin_error", kernels::margin_error_cost(shape, false));
    family.forward(current_stream(device), {.shape = shape,
                                            .student = student.data<float>(),
                                            .teacher = teacher.data<float>(),
                                            .margin = margin.data<float>(),
                                            .factor = factor,
                                            .loss = loss.data<float>(),
                                            .workspace = workspace.raw_data()});
  }
  record_fused(
      "margin_error", {input, teacher, margin}, {&loss},
      [factor, layout = student.layout()](BackwardContext& context, const auto& in) {
        return std::vector{error_gradient(in_layout(in[0], layout), in[1], in[2], context.grad(), factor)};
      },
      [factor](const auto& in) { return std::vector{recorded_error(in[0], in[1], in[2], factor)}; });
  return loss;
}

}  // namespace engram
