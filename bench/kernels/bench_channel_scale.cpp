/// channel_scale and roll + flip on batches of CIFAR images, beside a copy of the images.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/channel_scale/channel_scale.h"

namespace engram::kernels {
namespace {

constexpr dim_t kC = 3, kH = 32, kW = 32;
/// The method's shifts: none, one that makes half of the vectors wrap around, and its mirror image.
constexpr Jitter kJitters[] = {{0, 0, 0}, {2, 1, 0}, {2, 1, 1}};

struct Problem {
  dim_t n, count;
  std::vector<float> p, alpha, y, grad_y, grad_alpha;
  const Jitter& jitter;

  explicit Problem(const benchmark::State& state)
      : n(state.range(0)),
        count(n * kC * kH * kW),
        p(bench::values(count)),
        alpha(bench::values(n * kC)),
        y(count),
        grad_y(bench::values(count)),
        grad_alpha(n * kC),
        jitter(kJitters[state.range(1)]) {}
};

void cases(benchmark::internal::Benchmark* b) {
  b->ArgsProduct({{256, 4096}, {0, 1, 2}})->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * kC * kH * kW * 8);
}
BENCHMARK(copy)->Arg(256)->Arg(4096)->UseRealTime();

void forward(benchmark::State& state) {
  Problem x(state);
  bench::run(state, channel_scale_forward_cost(x.count), [&] {
    cpu_backend().channel_scale.forward({}, {x.p.data(), x.alpha.data(), &x.jitter, x.y.data(), x.n, kC, kH, kW});
  });
}
BENCHMARK(forward)->Apply(cases);

void backward(benchmark::State& state) {
  Problem x(state);
  bench::run(state, channel_scale_backward_cost(x.count), [&] {
    cpu_backend().channel_scale.backward(
        {}, {x.p.data(), x.alpha.data(), &x.jitter, x.grad_y.data(), x.y.data(), x.grad_alpha.data(), x.n, kC, kH, kW});
  });
}
BENCHMARK(backward)->Apply(cases);

void roll_flip(benchmark::State& state) {
  Problem x(state);
  bench::run(state, roll_flip_cost(x.count), [&] {
    cpu_backend().channel_scale.roll_flip({}, {x.p.data(), &x.jitter, x.y.data(), x.n * kC, kH, kW, false});
  });
}
BENCHMARK(roll_flip)->Apply(cases);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
