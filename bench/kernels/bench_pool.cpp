/// Pooling, upsampling, flips and crops of [128, 64, 32, 32] beside a plain copy, and random fills.

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/backend.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/pool/pool.h"
#include "kernels/random/random.h"
#include "kernels/resample/resample.h"
#include "kernels/spatial/spatial.h"

namespace engram::kernels {
namespace {

/// Argument 0 of each benchmark: the channel block, 1 or 16.
ActivationShape shape_of(const benchmark::State& state) {
  return {128, 64, 32, 32, state.range(0)};
}

void count(benchmark::State& state, const Cost& cost) {
  state.SetBytesProcessed(state.iterations() * (cost.bytes_read + cost.bytes_written));
}

void copy(benchmark::State& state) {
  const dim_t n = ActivationShape{128, 64, 32, 32}.count();
  const std::vector<float> x(n, 1);
  std::vector<float> y(n);
  for (auto _ : state) cpu_backend().elementwise.unary({}, {UnaryOp::kCopy, x.data(), y.data(), n});
  count(state, unary_cost(n));
}
BENCHMARK(copy)->UseRealTime();

void max_pool_and_backward(benchmark::State& state) {
  const PoolGeometry g{shape_of(state), 2, 2, 2, 2, 0, 0};
  const std::vector<float> x(g.x.count(), 1);
  std::vector<float> y(g.y().count()), dx(g.x.count());
  std::vector<std::int32_t> index(y.size());
  for (auto _ : state) {
    cpu_backend().pool.max_pool({}, {g, x.data(), y.data(), index.data()});
    cpu_backend().pool.max_pool_backward({}, {g, y.data(), index.data(), dx.data()});
  }
  Cost cost = max_pool_cost(g, true);
  cost += max_pool_backward_cost(g);
  count(state, cost);
}
BENCHMARK(max_pool_and_backward)->Arg(1)->Arg(16)->UseRealTime();

void avg_pool_and_backward(benchmark::State& state) {
  const PoolGeometry g{shape_of(state), 2, 2, 2, 2, 0, 0};
  const std::vector<float> x(g.x.count(), 1);
  std::vector<float> y(g.y().count()), dx(g.x.count());
  for (auto _ : state) {
    cpu_backend().pool.avg_pool({}, {g, x.data(), y.data()});
    cpu_backend().pool.avg_pool_backward({}, {g, y.data(), dx.data()});
  }
  Cost cost = avg_pool_cost(g);
  cost += avg_pool_cost(g);
  count(state, cost);
}
BENCHMARK(avg_pool_and_backward)->Arg(1)->Arg(16)->UseRealTime();

void global_avg_pool(benchmark::State& state) {
  const ActivationShape s = shape_of(state);
  const std::vector<float> x(s.count(), 1);
  std::vector<float> y(s.n * s.c);
  for (auto _ : state) cpu_backend().pool.global_avg_pool({}, {s, x.data(), y.data()});
  count(state, global_avg_pool_cost(s));
}
BENCHMARK(global_avg_pool)->Arg(1)->Arg(16)->UseRealTime();

void upsample_2x(benchmark::State& state) {
  ActivationShape s = shape_of(state);
  s.h = s.w = 16;
  const std::vector<float> x(s.count(), 1);
  std::vector<float> y(s.count() * 4);
  for (auto _ : state) cpu_backend().resample.upsample_nearest({}, {s, 2, x.data(), y.data()});
  count(state, upsample_nearest_cost(s, 2));
}
BENCHMARK(upsample_2x)->Arg(1)->Arg(16)->UseRealTime();

void upsample_2x_backward(benchmark::State& state) {
  ActivationShape s = shape_of(state);
  s.h = s.w = 16;
  const std::vector<float> dy(s.count() * 4, 1);
  std::vector<float> dx(s.count());
  for (auto _ : state) cpu_backend().resample.upsample_nearest_backward({}, {s, 2, dy.data(), dx.data()});
  count(state, upsample_nearest_backward_cost(s, 2));
}
BENCHMARK(upsample_2x_backward)->Arg(1)->Arg(16)->UseRealTime();

void horizontal_flip(benchmark::State& state) {
  const ActivationShape s = shape_of(state);
  const std::vector<float> x(s.count(), 1);
  std::vector<float> y(s.count());
  for (auto _ : state) cpu_backend().spatial.horizontal_flip({}, {s, x.data(), nullptr, y.data()});
  count(state, horizontal_flip_cost(s));
}
BENCHMARK(horizontal_flip)->Arg(1)->Arg(16)->UseRealTime();

void shifted_crop(benchmark::State& state) {
  const ActivationShape s = shape_of(state);
  const std::vector<float> x(s.count(), 1);
  const std::vector<std::int32_t> offsets(s.n * 2, 2);
  std::vector<float> y(s.count());
  const ShiftedCropArgs args{s, x.data(), offsets.data(), s.h, s.w, y.data()};
  for (auto _ : state) cpu_backend().spatial.shifted_crop({}, args);
  count(state, shifted_crop_cost(args));
}
BENCHMARK(shifted_crop)->Arg(1)->Arg(16)->UseRealTime();

void uniform_fill(benchmark::State& state) {
  std::vector<float> y(1 << 22);
  for (auto _ : state) cpu_backend().random.uniform({}, {y.data(), dim_t(y.size()), {1, 0}});
  count(state, random_cost(dim_t(y.size())));
}
BENCHMARK(uniform_fill)->UseRealTime();

void normal_fill(benchmark::State& state) {
  std::vector<float> y(1 << 22);
  for (auto _ : state) cpu_backend().random.normal({}, {y.data(), dim_t(y.size()), {1, 0}});
  count(state, random_cost(dim_t(y.size())));
}
BENCHMARK(normal_fill)->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
