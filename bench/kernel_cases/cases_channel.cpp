/// Kernels over activations: batch normalisation, matching of statistics. Channels-last, as on CUDA.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"

namespace engram::bench {
namespace {

using kernels::ActivationShape;

constexpr float kEps = 1e-5f, kSlope = 0.0f;

std::uint16_t* new_mask(DeviceArrays& device, const ActivationShape& shape) {
  return device.empty<std::uint16_t>(kernels::activation_mask_words(shape.count()));
}

kernels::BatchNormTrainArgs train_args(DeviceArrays& device, const ActivationShape& shape) {
  kernels::BatchNormTrainArgs args{};
  args.shape = shape;
  args.x = device.values(shape.count());
  args.gamma = device.values(shape.c, 0.5f, 1.5f);
  args.beta = device.values(shape.c);
  args.running_mean = device.values(shape.c);
  args.running_var = device.values(shape.c, 0.5f, 1.5f);
  args.momentum = 0.1f;
  args.eps = kEps;
  args.activation = kernels::Activation::kRelu;
  args.slope = kSlope;
  args.y = device.empty<float>(shape.count());
  args.mask = new_mask(device, shape);
  args.mean = device.empty<float>(shape.c);
  args.invstd = device.empty<float>(shape.c);
  args.workspace = device.empty<char>(std::int64_t(device.kernels().batch_norm.workspace_bytes(shape)));
  return args;
}

std::function<void()> train_backward(DeviceArrays& device, const ActivationShape& shape) {
  const auto forward = train_args(device, shape);
  device.kernels().batch_norm.train({}, forward);
  kernels::BatchNormTrainBackwardArgs args{};
  args.shape = shape;
  args.x = forward.x;
  args.grad_y = device.values(shape.count());
  args.mask = forward.mask;
  args.activation = forward.activation;
  args.slope = kSlope;
  args.mean = forward.mean;
  args.invstd = forward.invstd;
  args.gamma = forward.gamma;
  args.grad_x = device.empty<float>(shape.count());
  args.grad_gamma = device.empty<float>(shape.c);
  args.grad_beta = device.empty<float>(shape.c);
  args.workspace = forward.workspace;
  return call(device.kernels().batch_norm.train_backward, args);
}

std::function<void()> eval(DeviceArrays& device, const ActivationShape& shape) {
  const auto forward = train_args(device, shape);
  kernels::BatchNormEvalArgs args{};
  args.shape = shape;
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
  return call(device.kernels().batch_norm.eval, args);
}

kernels::BnStatsMatchArgs match_args(DeviceArrays& device, const ActivationShape& shape) {
  kernels::BnStatsMatchArgs args{};
  args.shape = shape;
  args.x = device.values(shape.count());
  args.gamma = device.values(shape.c, 0.5f, 1.5f);
  args.beta = device.values(shape.c);
  args.running_mean = device.values(shape.c);
  args.running_var = device.values(shape.c, 0.5f, 1.5f);
  args.eps = kEps;
  args.activation = kernels::Activation::kRelu;
  args.slope = kSlope;
  args.y = device.empty<float>(shape.count());
  args.mask = new_mask(device, shape);
  args.batch_mean = device.empty<float>(shape.c);
  args.batch_var = device.empty<float>(shape.c);
  args.var_norm = device.empty<float>(1);
  args.mean_norm = device.empty<float>(1);
  args.workspace = device.empty<char>(std::int64_t(device.kernels().bn_stats_match.workspace_bytes(shape)));
  return args;
}

std::function<void()> match_backward(DeviceArrays& device, const ActivationShape& shape) {
  const auto forward = match_args(device, shape);
  device.kernels().bn_stats_match.forward({}, forward);
  kernels::BnStatsMatchBackwardArgs args{};
  args.shape = shape;
  args.x = forward.x;
  args.grad_y = device.values(shape.count());
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
  args.grad_x = device.empty<float>(shape.count());
  args.workspace = forward.workspace;
  return call(device.kernels().bn_stats_match.backward, args);
}

}  // namespace

void add_channel_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const ActivationShape shape{16 * scale, 64, 16, 16, 64};
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, shape); }});
  };
  add("batch_norm/train", kernels::batch_norm_train_cost(shape, false, true),
      [](DeviceArrays& device, const ActivationShape& s) {
        return call(device.kernels().batch_norm.train, train_args(device, s));
      });
  add("batch_norm/train_backward", kernels::batch_norm_train_backward_cost(shape, 1, false, true), train_backward);
  add("batch_norm/eval", kernels::batch_norm_eval_cost(shape, false, true), eval);
  add("bn_stats_match/forward", kernels::bn_stats_match_cost(shape, true, false, true),
      [](DeviceArrays& device, const ActivationShape& s) {
        return call(device.kernels().bn_stats_match.forward, match_args(device, s));
      });
  add("bn_stats_match/backward", kernels::bn_stats_match_backward_cost(shape, true, 1, false, true), match_backward);
}

}  // namespace engram::bench
