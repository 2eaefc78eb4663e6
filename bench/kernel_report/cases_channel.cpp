/// Kernels over activations: batch normalisation, matching of statistics. Channels-last, as on CUDA.

#include "bench/kernel_report/kernel_case.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"

namespace engram::bench {
namespace {

using kernels::ActivationShape;

constexpr ActivationShape kShape{16, 64, 16, 16, 64};
constexpr float kEps = 1e-5f, kSlope = 0.0f;

std::uint16_t* new_mask(DeviceArrays& device) {
  return device.empty<std::uint16_t>(kernels::activation_mask_words(kShape.count()));
}

kernels::BatchNormTrainArgs train_args(DeviceArrays& device) {
  kernels::BatchNormTrainArgs args{};
  args.shape = kShape;
  args.x = device.values(kShape.count());
  args.gamma = device.values(kShape.c, 0.5f, 1.5f);
  args.beta = device.values(kShape.c);
  args.running_mean = device.values(kShape.c);
  args.running_var = device.values(kShape.c, 0.5f, 1.5f);
  args.momentum = 0.1f;
  args.eps = kEps;
  args.activation = kernels::Activation::kRelu;
  args.slope = kSlope;
  args.y = device.empty<float>(kShape.count());
  args.mask = new_mask(device);
  args.mean = device.empty<float>(kShape.c);
  args.invstd = device.empty<float>(kShape.c);
  args.workspace = device.empty<char>(std::int64_t(kernels::kCudaBatchNorm.workspace_bytes(kShape)));
  return args;
}

std::function<void()> train_backward(DeviceArrays& device) {
  const auto forward = train_args(device);
  kernels::kCudaBatchNorm.train({}, forward);
  kernels::BatchNormTrainBackwardArgs args{};
  args.shape = kShape;
  args.x = forward.x;
  args.grad_y = device.values(kShape.count());
  args.mask = forward.mask;
  args.activation = forward.activation;
  args.slope = kSlope;
  args.mean = forward.mean;
  args.invstd = forward.invstd;
  args.gamma = forward.gamma;
  args.grad_x = device.empty<float>(kShape.count());
  args.grad_gamma = device.empty<float>(kShape.c);
  args.grad_beta = device.empty<float>(kShape.c);
  args.workspace = forward.workspace;
  return [args] { kernels::kCudaBatchNorm.train_backward({}, args); };
}

std::function<void()> eval(DeviceArrays& device) {
  const auto forward = train_args(device);
  kernels::BatchNormEvalArgs args{};
  args.shape = kShape;
  args.x = forward.x;
  args.gamma = forward.gamma;
  args.beta = forward.beta;
  args.mean = forward.running_mean;
  args.var = forward.running_var;
  args.eps = kEps;
  args.activation = forward.activation;
  args.slope = kSlope;
  args.y = forward.y;
  args.mask = forward.mask;
  args.workspace = forward.workspace;
  return [args] { kernels::kCudaBatchNorm.eval({}, args); };
}

kernels::BnStatsMatchArgs match_args(DeviceArrays& device) {
  kernels::BnStatsMatchArgs args{};
  args.shape = kShape;
  args.x = device.values(kShape.count());
  args.gamma = device.values(kShape.c, 0.5f, 1.5f);
  args.beta = device.values(kShape.c);
  args.running_mean = device.values(kShape.c);
  args.running_var = device.values(kShape.c, 0.5f, 1.5f);
  args.eps = kEps;
  args.activation = kernels::Activation::kRelu;
  args.slope = kSlope;
  args.y = device.empty<float>(kShape.count());
  args.mask = new_mask(device);
  args.batch_mean = device.empty<float>(kShape.c);
  args.batch_var = device.empty<float>(kShape.c);
  args.var_norm = device.empty<float>(1);
  args.mean_norm = device.empty<float>(1);
  args.workspace = device.empty<char>(std::int64_t(kernels::kCudaBnStatsMatch.workspace_bytes(kShape)));
  return args;
}

std::function<void()> match_backward(DeviceArrays& device) {
  const auto forward = match_args(device);
  kernels::kCudaBnStatsMatch.forward({}, forward);
  kernels::BnStatsMatchBackwardArgs args{};
  args.shape = kShape;
  args.x = forward.x;
  args.grad_y = device.values(kShape.count());
  args.mask = forward.mask;
  args.activation = forward.activation;
  args.slope = kSlope;
  args.gamma = forward.gamma;
  args.running_mean = forward.running_mean;
  args.running_var = forward.running_var;
  args.eps = kEps;
  args.batch_mean = forward.batch_mean;
  args.batch_var = forward.batch_var;
  args.var_norm = forward.var_norm;
  args.mean_norm = forward.mean_norm;
  args.grad_var_norm = device.values(1, 0.5f, 1.0f);
  args.grad_mean_norm = device.values(1, 0.5f, 1.0f);
  args.grad_x = device.empty<float>(kShape.count());
  args.workspace = forward.workspace;
  return [args] { kernels::kCudaBnStatsMatch.backward({}, args); };
}

}  // namespace

void add_channel_cases(std::vector<KernelCase>& cases) {
  cases.push_back({"batch_norm/train", kernels::batch_norm_train_cost(kShape, false, true),
                   [](DeviceArrays& device) -> std::function<void()> {
                     return [args = train_args(device)] { kernels::kCudaBatchNorm.train({}, args); };
                   }});
  cases.push_back(
      {"batch_norm/train_backward", kernels::batch_norm_train_backward_cost(kShape, 1, false, true), train_backward});
  cases.push_back({"batch_norm/eval", kernels::batch_norm_eval_cost(kShape, false, true), eval});
  cases.push_back({"bn_stats_match/forward", kernels::bn_stats_match_cost(kShape, true, false, true),
                   [](DeviceArrays& device) -> std::function<void()> {
                     return [args = match_args(device)] { kernels::kCudaBnStatsMatch.forward({}, args); };
                   }});
  cases.push_back(
      {"bn_stats_match/backward", kernels::bn_stats_match_backward_cost(kShape, true, 1, false, true), match_backward});
}

}  // namespace engram::bench
