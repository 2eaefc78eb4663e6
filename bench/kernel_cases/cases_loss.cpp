/// Losses over rows, and the optimiser.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::bench {
namespace {

/// Extents of the losses' operands.
struct Sizes {
  std::int64_t rows, classes, cosine_rows, width, parameters;
};

kernels::SoftmaxXentForwardArgs xent_args(DeviceArrays& device, const Sizes& sizes) {
  std::vector<std::int32_t> labels(std::size_t(sizes.rows));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = std::int32_t(i % sizes.classes);
  kernels::SoftmaxXentForwardArgs args{};
  args.logits = device.values(sizes.rows * sizes.classes);
  args.labels = device.copy_of(labels);
  args.rows = sizes.rows;
  args.classes = sizes.classes;
  args.row_stats = device.empty<float>(2 * sizes.rows);
  args.row_loss = device.empty<float>(sizes.rows);
  args.mean_loss = device.empty<float>(1);
  args.num_invalid = device.empty<std::int32_t>(1);
  return args;
}

std::function<void()> xent_backward(DeviceArrays& device, const Sizes& sizes) {
  const auto forward = xent_args(device, sizes);
  device.kernels().softmax_xent.forward({}, forward);
  kernels::SoftmaxXentBackwardArgs args{};
  args.logits = forward.logits;
  args.labels = forward.labels;
  args.row_stats = forward.row_stats;
  args.grad_mean = device.values(1, 1.0f, 1.5f);
  args.rows = sizes.rows;
  args.classes = sizes.classes;
  args.grad_logits = device.empty<float>(sizes.rows * sizes.classes);
  return call(device.kernels().softmax_xent.backward, args);
}

kernels::GradCosineForwardArgs cosine_args(DeviceArrays& device, const Sizes& sizes) {
  kernels::GradCosineForwardArgs args{};
  args.a = device.values(sizes.cosine_rows * sizes.width);
  args.b = device.values(sizes.cosine_rows * sizes.width, -0.5f, 1.0f);
  args.rows = sizes.cosine_rows;
  args.width = sizes.width;
  args.eps = 1e-8f;
  args.cos = device.empty<float>(sizes.cosine_rows);
  args.row_stats = device.empty<float>(kernels::kNumCosineStats * sizes.cosine_rows);
  args.workspace = device.empty<char>(
      std::int64_t(device.kernels().grad_cosine.workspace_bytes(sizes.cosine_rows, sizes.width)) + 8);
  return args;
}

std::function<void()> cosine_backward(DeviceArrays& device, const Sizes& sizes) {
  const auto forward = cosine_args(device, sizes);
  device.kernels().grad_cosine.forward({}, forward);
  kernels::GradCosineBackwardArgs args{};
  args.a = forward.a;
  args.b = forward.b;
  args.row_stats = forward.row_stats;
  args.grad_cos = device.values(sizes.cosine_rows);
  args.rows = sizes.cosine_rows;
  args.width = sizes.width;
  args.eps = forward.eps;
  args.grad_a = device.empty<float>(sizes.cosine_rows * sizes.width);
  args.grad_b = device.empty<float>(sizes.cosine_rows * sizes.width);
  return call(device.kernels().grad_cosine.backward, args);
}

std::function<void()> cosine_double_backward(DeviceArrays& device, const Sizes& sizes) {
  const auto forward = cosine_args(device, sizes);
  device.kernels().grad_cosine.forward({}, forward);
  const std::int64_t count = sizes.cosine_rows * sizes.width;
  kernels::GradCosineDoubleBackwardArgs args{};
  args.a = forward.a;
  args.b = forward.b;
  args.row_stats = forward.row_stats;
  args.grad_cos = device.values(sizes.cosine_rows);
  args.v_a = device.values(count, -0.5f, 0.5f);
  args.v_b = device.values(count, -0.25f, 0.75f);
  args.rows = sizes.cosine_rows;
  args.width = sizes.width;
  args.eps = forward.eps;
  args.grad_a = device.empty<float>(count);
  args.grad_b = device.empty<float>(count);
  args.grad_grad_cos = device.empty<float>(sizes.cosine_rows);
  args.workspace = forward.workspace;
  return call(device.kernels().grad_cosine.double_backward, args);
}

std::function<void()> log_softmax_forward(DeviceArrays& device, const Sizes& sizes) {
  const std::int64_t count = sizes.rows * sizes.classes;
  return call(
      device.kernels().softmax_xent.log_softmax_forward,
      kernels::LogSoftmaxForwardArgs{device.values(count), device.empty<float>(count), sizes.rows, sizes.classes});
}

std::function<void()> log_softmax_backward(DeviceArrays& device, const Sizes& sizes) {
  const std::int64_t count = sizes.rows * sizes.classes;
  return call(device.kernels().softmax_xent.log_softmax_backward,
              kernels::LogSoftmaxBackwardArgs{device.values(count, -6.0f, -4.0f), device.values(count),
                                              device.empty<float>(count), sizes.rows, sizes.classes});
}

kernels::KlForwardArgs kl_args(DeviceArrays& device, const Sizes& sizes) {
  kernels::KlForwardArgs args{};
  args.student = device.values(sizes.rows * sizes.classes);
  args.teacher = device.values(sizes.rows * sizes.classes, -2.0f, 2.0f);
  args.rows = sizes.rows;
  args.classes = sizes.classes;
  args.temperature = 4;
  args.factor = 16;
  args.student_stats = device.empty<float>(2 * sizes.rows);
  args.teacher_stats = device.empty<float>(2 * sizes.rows);
  args.row_kl = device.empty<float>(sizes.rows);
  args.loss = device.empty<float>(1);
  return args;
}

std::function<void()> kl_backward(DeviceArrays& device, const Sizes& sizes) {
  const auto forward = kl_args(device, sizes);
  device.kernels().softmax_xent.kl_forward({}, forward);
  kernels::KlBackwardArgs args{};
  args.student = forward.student;
  args.teacher = forward.teacher;
  args.student_stats = forward.student_stats;
  args.teacher_stats = forward.teacher_stats;
  args.row_kl = forward.row_kl;
  args.grad = device.values(1, 1.0f, 1.5f);
  args.rows = sizes.rows;
  args.classes = sizes.classes;
  args.temperature = forward.temperature;
  args.factor = forward.factor;
  args.grad_student = device.empty<float>(sizes.rows * sizes.classes);
  args.grad_teacher = device.empty<float>(sizes.rows * sizes.classes);
  return call(device.kernels().softmax_xent.kl_backward, args);
}

/// Four parameters, one of an odd size.
std::vector<std::int64_t> tensor_counts(const Sizes& sizes) {
  return {sizes.parameters, sizes.parameters / 2, 4099, 64};
}

std::int64_t all_parameters(const Sizes& sizes) {
  std::int64_t sum = 0;
  for (const auto count : tensor_counts(sizes)) sum += count;
  return sum;
}

std::function<void()> sgd(DeviceArrays& device, const Sizes& sizes) {
  std::vector<kernels::SgdTensor> tensors;
  for (const auto count : tensor_counts(sizes)) {
    tensors.push_back({device.values(count), device.values(count), device.values(count), count, false});
  }
  kernels::SgdArgs args{};
  args.lr = device.values(1, 0.1f, 0.2f);
  args.momentum = 0.9f;
  args.weight_decay = 5e-4f;
  return [=, &kernels = device.kernels().optim_step] {
    auto with_tensors = args;
    with_tensors.tensors = tensors.data();
    with_tensors.num_tensors = int(tensors.size());
    kernels.sgd({}, with_tensors);
  };
}

std::function<void()> adam(DeviceArrays& device, const Sizes& sizes) {
  std::vector<kernels::AdamTensor> tensors;
  for (const auto count : tensor_counts(sizes)) {
    tensors.push_back({device.values(count), device.values(count), device.values(count),
                       device.values(count, 0.1f, 1.0f), count, device.copy_of(std::vector<std::int32_t>{3})});
  }
  kernels::AdamArgs args{};
  args.lr = device.values(1, 0.1f, 0.2f);
  args.beta1 = 0.9;
  args.beta2 = 0.999;
  args.eps = 1e-8f;
  return [=, &kernels = device.kernels().optim_step] {
    auto with_tensors = args;
    with_tensors.tensors = tensors.data();
    with_tensors.num_tensors = int(tensors.size());
    kernels.adam({}, with_tensors);
  };
}

}  // namespace

void add_loss_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const Sizes sizes{512 * scale, 100, 16 * scale, 16384, 65536 * scale};
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, sizes); }});
  };
  add("softmax_xent/forward", kernels::softmax_xent_forward_cost(sizes.rows, sizes.classes, false),
      [](DeviceArrays& device, const Sizes& s) {
        return call(device.kernels().softmax_xent.forward, xent_args(device, s));
      });
  add("softmax_xent/backward", kernels::softmax_xent_backward_cost(sizes.rows, sizes.classes, false), xent_backward);
  add("softmax_xent/log_softmax", kernels::log_softmax_cost(sizes.rows, sizes.classes, false), log_softmax_forward);
  add("softmax_xent/log_softmax_backward", kernels::log_softmax_cost(sizes.rows, sizes.classes, true),
      log_softmax_backward);
  add("softmax_xent/kl", kernels::kl_cost(sizes.rows, sizes.classes, 0), [](DeviceArrays& device, const Sizes& s) {
    return call(device.kernels().softmax_xent.kl_forward, kl_args(device, s));
  });
  add("softmax_xent/kl_backward", kernels::kl_cost(sizes.rows, sizes.classes, 2), kl_backward);
  add("grad_cosine/forward", kernels::grad_cosine_forward_cost(sizes.cosine_rows, sizes.width),
      [](DeviceArrays& device, const Sizes& s) {
        return call(device.kernels().grad_cosine.forward, cosine_args(device, s));
      });
  add("grad_cosine/backward", kernels::grad_cosine_backward_cost(sizes.cosine_rows, sizes.width, 2), cosine_backward);
  add("grad_cosine/double_backward", kernels::grad_cosine_double_backward_cost(sizes.cosine_rows, sizes.width, 2),
      cosine_double_backward);
  const std::int64_t count = all_parameters(sizes);
  add("optim_step/sgd", kernels::sgd_cost(count, true), sgd);
  add("optim_step/adam", kernels::adam_cost(count), adam);
}

}  // namespace engram::bench
