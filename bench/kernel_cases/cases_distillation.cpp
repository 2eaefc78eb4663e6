/// Fused losses of distillation: logits, factors, attention maps, activations behind a margin.

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/attention_map/attention_map.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/margin_error/margin_error.h"
#include "kernels/residual_cosine/residual_cosine.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::bench {
namespace {

/// Extents of the losses' operands.
struct Sizes {
  std::int64_t rows, classes, factor_rows, width;
  kernels::ActivationShape shape;
};

kernels::DistillForwardArgs distill_args(DeviceArrays& device, const Sizes& s) {
  std::vector<std::int32_t> labels(std::size_t(s.rows));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = std::int32_t(i % s.classes);
  kernels::DistillForwardArgs args{};
  args.student = device.values(s.rows * s.classes);
  args.teacher = device.values(s.rows * s.classes, -2.0f, 2.0f);
  args.labels = device.copy_of(labels);
  args.rows = s.rows;
  args.classes = s.classes;
  args.temperature = 4;
  args.factor = 16;
  args.row_stats = device.empty<float>(kernels::kNumDistillStats * s.rows);
  args.mean_xent = device.empty<float>(1);
  args.mean_kl = device.empty<float>(1);
  args.num_invalid = device.empty<std::int32_t>(1);
  args.workspace =
      device.empty<char>(std::int64_t(device.kernels().softmax_xent.distill_workspace_bytes(s.rows, s.classes)) + 8);
  return args;
}

std::function<void()> distill_backward(DeviceArrays& device, const Sizes& s) {
  const auto forward = distill_args(device, s);
  device.kernels().softmax_xent.distill_forward({}, forward);
  kernels::DistillBackwardArgs args{};
  args.student = forward.student;
  args.teacher = forward.teacher;
  args.labels = forward.labels;
  args.row_stats = forward.row_stats;
  args.grad_xent = device.values(1, 1.0f, 1.5f);
  args.grad_kl = device.values(1, 1.0f, 1.5f);
  args.rows = s.rows;
  args.classes = s.classes;
  args.temperature = forward.temperature;
  args.factor = forward.factor;
  args.grad_student = device.empty<float>(s.rows * s.classes);
  return call(device.kernels().softmax_xent.distill_backward, args);
}

kernels::FactorDistanceForwardArgs factor_args(DeviceArrays& device, const Sizes& s) {
  kernels::FactorDistanceForwardArgs args{};
  args.a = device.values(s.factor_rows * s.width);
  args.b = device.values(s.factor_rows * s.width, -0.5f, 1.0f);
  args.rows = s.factor_rows;
  args.width = s.width;
  args.p = 1;
  args.eps = 1e-12f;
  args.row_stats = device.empty<float>(kernels::kNumFactorStats * s.factor_rows);
  args.loss = device.empty<float>(1);
  args.workspace =
      device.empty<char>(std::int64_t(device.kernels().factor_distance.workspace_bytes(s.factor_rows)) + 8);
  return args;
}

std::function<void()> factor_backward(DeviceArrays& device, const Sizes& s) {
  const auto forward = factor_args(device, s);
  device.kernels().factor_distance.forward({}, forward);
  kernels::FactorDistanceBackwardArgs args{};
  args.a = forward.a;
  args.b = forward.b;
  args.row_stats = forward.row_stats;
  args.loss = forward.loss;
  args.grad = device.values(1, 1.0f, 1.5f);
  args.rows = s.factor_rows;
  args.width = s.width;
  args.p = forward.p;
  args.eps = forward.eps;
  args.grad_a = device.empty<float>(s.factor_rows * s.width);
  return call(device.kernels().factor_distance.backward, args);
}

kernels::AttentionMapForwardArgs map_args(DeviceArrays& device, const Sizes& s) {
  const std::int64_t maps = s.shape.n * s.shape.pixels();
  return {s.shape, device.values(s.shape.count()), 2,
          1e-12f,  device.empty<float>(maps),      device.empty<float>(s.shape.n)};
}

std::function<void()> map_backward(DeviceArrays& device, const Sizes& s) {
  const auto forward = map_args(device, s);
  device.kernels().attention_map.forward({}, forward);
  return call(device.kernels().attention_map.backward,
              kernels::AttentionMapBackwardArgs{s.shape, forward.x, forward.map, forward.norm,
                                                device.values(s.shape.n * s.shape.pixels()), forward.power, forward.eps,
                                                device.empty<float>(s.shape.count())});
}

std::function<void()> margin_forward(DeviceArrays& device, const Sizes& s) {
  void* workspace = device.empty<char>(std::int64_t(device.kernels().margin_error.workspace_bytes(s.shape)) + 8);
  return call(
      device.kernels().margin_error.forward,
      kernels::MarginErrorForwardArgs{s.shape, device.values(s.shape.count()), device.values(s.shape.count()),
                                      device.values(s.shape.c, -1.0f, 0.0f), 1.0f, device.empty<float>(1), workspace});
}

std::function<void()> margin_backward(DeviceArrays& device, const Sizes& s) {
  return call(device.kernels().margin_error.backward,
              kernels::MarginErrorBackwardArgs{s.shape, device.values(s.shape.count()), device.values(s.shape.count()),
                                               device.values(s.shape.c, -1.0f, 0.0f), device.values(1, 1.0f, 1.5f),
                                               1.0f, device.empty<float>(s.shape.count())});
}

/// Two heads of 7 and 3 classes on features of 512 values.
struct Heads {
  dim_t rows, c1 = 7, c2 = 3, width = 512;
};

kernels::ResidualPair residual_pair(DeviceArrays& device, const Heads& h) {
  return {device.values(h.rows * h.c1),
          device.values(h.rows * h.c2),
          device.values(h.c1 * h.c1, 0.5f, 1.0f),
          device.values(h.c2 * h.c2, 0.5f, 1.0f),
          device.values(h.c1 * h.c2),
          h.rows,
          h.c1,
          h.c2,
          1e-8f};
}

void add_residual_cases(std::vector<KernelCase>& cases, const Heads& h) {
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, h); }});
  };
  kernels::ResidualPair extents = {};
  extents.rows = h.rows;
  extents.classes1 = h.c1;
  extents.classes2 = h.c2;
  add("residual_cosine/head_residual", kernels::head_residual_cost(h.rows, h.c1),
      [](DeviceArrays& device, const Heads& h) {
        return call(
            device.kernels().residual_cosine.head_residual,
            kernels::HeadResidualArgs{device.values(h.rows * h.c1), device.values(h.rows * h.c1, 0.0f, 0.2f), h.rows,
                                      h.c1, true, device.empty<float>(h.rows * h.c1), device.empty<float>(h.rows)});
      });
  add("residual_cosine/head_residual_backward", kernels::head_residual_backward_cost(h.rows, h.c1, true),
      [](DeviceArrays& device, const Heads& h) {
        return call(device.kernels().residual_cosine.head_residual_backward,
                    kernels::HeadResidualBackwardArgs{device.values(h.rows * h.c1),
                                                      device.values(h.rows * h.c1, 0.0f, 0.2f), device.values(h.rows),
                                                      h.rows, h.c1, true, device.empty<float>(h.rows * h.c1)});
      });
  add("residual_cosine/forward", kernels::residual_cosine_forward_cost(extents),
      [](DeviceArrays& device, const Heads& h) {
        return call(device.kernels().residual_cosine.forward,
                    kernels::ResidualCosineForwardArgs{residual_pair(device, h), device.empty<float>(h.rows),
                                                       device.empty<float>(h.rows), device.empty<float>(h.rows)});
      });
  add("residual_cosine/backward", kernels::residual_cosine_backward_cost(extents, false),
      [](DeviceArrays& device, const Heads& h) {
        const auto& family = device.kernels().residual_cosine;
        return call(
            family.backward,
            kernels::ResidualCosineBackwardArgs{
                residual_pair(device, h), device.values(h.rows), device.values(h.rows, 0.5f, 1.0f),
                device.values(h.rows, 0.5f, 1.0f), device.values(h.rows), nullptr, nullptr,
                device.empty<float>(h.c1 * h.c1), device.empty<float>(h.c2 * h.c2), device.empty<float>(h.c1 * h.c2),
                nullptr, nullptr, device.empty<char>(std::int64_t(family.workspace_bytes(h.rows, h.c1, h.c2)))});
      });
  add("residual_cosine/shifted_concat", kernels::shifted_concat_cost(h.rows, h.c2, h.width),
      [](DeviceArrays& device, const Heads& h) {
        return call(device.kernels().residual_cosine.shifted_concat,
                    kernels::ShiftedConcatArgs{device.values(h.rows * h.width), device.values(h.rows * h.width),
                                               device.values(h.rows * h.c2), device.values(h.c2 * h.width),
                                               device.values(1), h.rows, h.c2, h.width, false, 1.0f, 1e-8f,
                                               device.empty<float>(h.rows * 2 * h.width)});
      });
}

}  // namespace

void add_distillation_cases(std::vector<KernelCase>& cases, std::int64_t scale) {
  const Sizes sizes{512 * scale, 100, 64 * scale, 2048, {16 * scale, 64, 8, 8, 64}};
  const auto add = [&](const char* name, const Cost& cost, const auto& prepare) {
    cases.push_back({name, cost, [=](DeviceArrays& device) { return prepare(device, sizes); }});
  };
  add("softmax_xent/distill", kernels::distill_cost(sizes.rows, sizes.classes, false),
      [](DeviceArrays& device, const Sizes& s) {
        return call(device.kernels().softmax_xent.distill_forward, distill_args(device, s));
      });
  add("softmax_xent/distill_backward", kernels::distill_cost(sizes.rows, sizes.classes, true), distill_backward);
  add("factor_distance/forward", kernels::factor_distance_forward_cost(sizes.factor_rows, sizes.width),
      [](DeviceArrays& device, const Sizes& s) {
        return call(device.kernels().factor_distance.forward, factor_args(device, s));
      });
  add("factor_distance/backward", kernels::factor_distance_backward_cost(sizes.factor_rows, sizes.width),
      factor_backward);
  add("attention_map/forward", kernels::attention_map_forward_cost(sizes.shape),
      [](DeviceArrays& device, const Sizes& s) {
        return call(device.kernels().attention_map.forward, map_args(device, s));
      });
  add("attention_map/backward", kernels::attention_map_backward_cost(sizes.shape), map_backward);
  add("margin_error/forward", kernels::margin_error_cost(sizes.shape, false), margin_forward);
  add("margin_error/backward", kernels::margin_error_cost(sizes.shape, true), margin_backward);
  add_residual_cases(cases, {2048 * scale});
}

}  // namespace engram::bench
