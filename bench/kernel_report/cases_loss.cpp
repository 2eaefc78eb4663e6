/// Losses over rows, and the optimiser.

#include "bench/kernel_report/kernel_case.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::bench {
namespace {

constexpr std::int64_t kRows = 512, kClasses = 100;
constexpr std::int64_t kCosineRows = 16, kWidth = 16384;
constexpr std::int64_t kParameters = 65536;

kernels::SoftmaxXentForwardArgs xent_args(DeviceArrays& device) {
  std::vector<std::int32_t> labels(kRows);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = std::int32_t(i % kClasses);
  kernels::SoftmaxXentForwardArgs args{};
  args.logits = device.values(kRows * kClasses);
  args.labels = device.copy_of(labels);
  args.rows = kRows;
  args.classes = kClasses;
  args.row_stats = device.empty<float>(2 * kRows);
  args.row_loss = device.empty<float>(kRows);
  args.mean_loss = device.empty<float>(1);
  args.num_invalid = device.empty<std::int32_t>(1);
  return args;
}

std::function<void()> xent_backward(DeviceArrays& device) {
  const auto forward = xent_args(device);
  kernels::kCudaSoftmaxXent.forward({}, forward);
  kernels::SoftmaxXentBackwardArgs args{};
  args.logits = forward.logits;
  args.labels = forward.labels;
  args.row_stats = forward.row_stats;
  args.grad_mean = device.values(1, 1.0f, 1.5f);
  args.rows = kRows;
  args.classes = kClasses;
  args.grad_logits = device.empty<float>(kRows * kClasses);
  return [args] { kernels::kCudaSoftmaxXent.backward({}, args); };
}

kernels::GradCosineForwardArgs cosine_args(DeviceArrays& device) {
  kernels::GradCosineForwardArgs args{};
  args.a = device.values(kCosineRows * kWidth);
  args.b = device.values(kCosineRows * kWidth, -0.5f, 1.0f);
  args.rows = kCosineRows;
  args.width = kWidth;
  args.eps = 1e-8f;
  args.cos = device.empty<float>(kCosineRows);
  args.row_stats = device.empty<float>(kernels::kNumCosineStats * kCosineRows);
  args.workspace = device.empty<char>(std::int64_t(kernels::kCudaGradCosine.workspace_bytes(kCosineRows, kWidth)) + 8);
  return args;
}

std::function<void()> cosine_backward(DeviceArrays& device) {
  const auto forward = cosine_args(device);
  kernels::kCudaGradCosine.forward({}, forward);
  kernels::GradCosineBackwardArgs args{};
  args.a = forward.a;
  args.b = forward.b;
  args.row_stats = forward.row_stats;
  args.grad_cos = device.values(kCosineRows);
  args.rows = kCosineRows;
  args.width = kWidth;
  args.eps = forward.eps;
  args.grad_a = device.empty<float>(kCosineRows * kWidth);
  args.grad_b = device.empty<float>(kCosineRows * kWidth);
  return [args] { kernels::kCudaGradCosine.backward({}, args); };
}

// Four parameters, one of an odd size.
constexpr std::int64_t kTensorCounts[] = {kParameters, kParameters / 2, 4099, 64};

std::int64_t all_parameters() {
  std::int64_t sum = 0;
  for (const auto count : kTensorCounts) sum += count;
  return sum;
}

std::function<void()> sgd(DeviceArrays& device) {
  std::vector<kernels::SgdTensor> tensors;
  for (const auto count : kTensorCounts) {
    tensors.push_back({device.values(count), device.values(count), device.values(count), count, false});
  }
  kernels::SgdArgs args{};
  args.lr = device.values(1, 0.1f, 0.2f);
  args.momentum = 0.9f;
  args.weight_decay = 5e-4f;
  return [=] {
    auto call = args;
    call.tensors = tensors.data();
    call.num_tensors = int(tensors.size());
    kernels::kCudaOptimStep.sgd({}, call);
  };
}

std::function<void()> adam(DeviceArrays& device) {
  std::vector<kernels::AdamTensor> tensors;
  for (const auto count : kTensorCounts) {
    tensors.push_back({device.values(count), device.values(count), device.values(count),
                       device.values(count, 0.1f, 1.0f), count, device.copy_of(std::vector<std::int32_t>{3})});
  }
  kernels::AdamArgs args{};
  args.lr = device.values(1, 0.1f, 0.2f);
  args.beta1 = 0.9;
  args.beta2 = 0.999;
  args.eps = 1e-8f;
  return [=] {
    auto call = args;
    call.tensors = tensors.data();
    call.num_tensors = int(tensors.size());
    kernels::kCudaOptimStep.adam({}, call);
  };
}

}  // namespace

void add_loss_cases(std::vector<KernelCase>& cases) {
  cases.push_back({"softmax_xent/forward", kernels::softmax_xent_forward_cost(kRows, kClasses, false),
                   [](DeviceArrays& device) -> std::function<void()> {
                     return [args = xent_args(device)] { kernels::kCudaSoftmaxXent.forward({}, args); };
                   }});
  cases.push_back(
      {"softmax_xent/backward", kernels::softmax_xent_backward_cost(kRows, kClasses, false), xent_backward});
  cases.push_back({"grad_cosine/forward", kernels::grad_cosine_forward_cost(kCosineRows, kWidth),
                   [](DeviceArrays& device) -> std::function<void()> {
                     return [args = cosine_args(device)] { kernels::kCudaGradCosine.forward({}, args); };
                   }});
  cases.push_back(
      {"grad_cosine/backward", kernels::grad_cosine_backward_cost(kCosineRows, kWidth, 2), cosine_backward});
  const std::int64_t count = all_parameters();
  cases.push_back({"optim_step/sgd", kernels::sgd_cost(count, true), sgd});
  cases.push_back({"optim_step/adam", kernels::adam_cost(count), adam});
}

}  // namespace engram::bench
