/// Optimiser steps over the parameters of the generator (8.7 M in 16 tensors, 35 MB an array), beside a copy that moves
/// as many bytes as Adam.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/optim_step/optim_step.h"

namespace engram::kernels {
namespace {

constexpr float kLearningRate = 1e-3f;
constexpr dim_t kCounts[] = {8470528, 8192, 128, 128, 147456, 128, 128, 128, 73728, 64, 64, 64, 1728, 3, 21, 5};

dim_t total() {
  dim_t sum = 0;
  for (dim_t count : kCounts) sum += count;
  return sum;
}

/// The kCounts arrays of one kind.
std::vector<std::vector<float>> arrays(bool zero) {
  std::vector<std::vector<float>> out;
  for (dim_t count : kCounts) out.push_back(zero ? std::vector<float>(count) : bench::values(count));
  return out;
}

void copy(benchmark::State& state) {
  bench::copy_of(state, total() * 28);
}
BENCHMARK(copy)->UseRealTime();

void adam(benchmark::State& state) {
  auto p = arrays(false), m = arrays(true), v = arrays(true);
  const auto g = arrays(false);
  std::vector<std::int32_t> steps(p.size());
  std::vector<AdamTensor> tensors;
  for (std::size_t i = 0; i < p.size(); ++i)
    tensors.push_back({p[i].data(), g[i].data(), m[i].data(), v[i].data(), kCounts[i], &steps[i]});
  bench::run(state, adam_cost(total()), [&] {
    cpu_backend().optim_step.adam({},
                                  {tensors.data(), int(tensors.size()), &kLearningRate, 0.9, 0.999, 1e-8f, 0, false});
  });
}
BENCHMARK(adam)->UseRealTime();

void sgd_nesterov(benchmark::State& state) {
  auto p = arrays(false), m = arrays(true);
  const auto g = arrays(false);
  std::vector<SgdTensor> tensors;
  for (std::size_t i = 0; i < p.size(); ++i)
    tensors.push_back({p[i].data(), g[i].data(), m[i].data(), kCounts[i], false});
  bench::run(state, sgd_cost(total(), true), [&] {
    cpu_backend().optim_step.sgd({}, {tensors.data(), int(tensors.size()), &kLearningRate, 0.9f, 5e-4f, true});
  });
}
BENCHMARK(sgd_nesterov)->UseRealTime();

void ema(benchmark::State& state) {
  auto average = arrays(false);
  const auto value = arrays(false);
  std::vector<EmaTensor> tensors;
  for (std::size_t i = 0; i < average.size(); ++i) tensors.push_back({average[i].data(), value[i].data(), kCounts[i]});
  bench::run(state, ema_cost(total()), [&] {
    cpu_backend().optim_step.ema({}, {tensors.data(), int(tensors.size()), 0.999});
  });
}
BENCHMARK(ema)->UseRealTime();

void grad_norm(benchmark::State& state) {
  const auto g = arrays(false);
  std::vector<GradTensor> tensors;
  for (std::size_t i = 0; i < g.size(); ++i) tensors.push_back({g[i].data(), kCounts[i]});
  std::vector<double> workspace(
      cpu_backend().optim_step.grad_norm_workspace_bytes(tensors.data(), int(tensors.size())) / sizeof(double));
  float norm, factor;
  bench::run(state, grad_norm_cost(total()), [&] {
    cpu_backend().optim_step.grad_norm({}, {tensors.data(), int(tensors.size()), 1, workspace.data(), &norm, &factor});
  });
}
BENCHMARK(grad_norm)->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
