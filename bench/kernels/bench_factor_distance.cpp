/// Distance of normalised factors and its gradient, beside a copy that moves the bytes of the value's pass.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/factor_distance/factor_distance.h"

namespace engram::kernels {
namespace {

struct Problem {
  dim_t rows, width;
  std::vector<float> a, b, grad_a, stats;
  std::vector<double> workspace;
  float loss = 0, one = 1;

  explicit Problem(const benchmark::State& state)
      : rows(state.range(0)),
        width(state.range(1)),
        a(bench::values(rows * width)),
        b(a.rbegin(), a.rend()),
        grad_a(a.size()),
        stats(rows * kNumFactorStats),
        workspace(rows) {}

  void forward() {
    cpu_backend().factor_distance.forward(
        {}, {a.data(), b.data(), rows, width, 1, 1e-12f, stats.data(), &loss, workspace.data()});
  }
};

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({128, 2048})->Args({512, 2048})->Args({2048, 2048})->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * 8);
}
BENCHMARK(copy)->Apply(sizes);

void value(benchmark::State& state) {
  Problem p(state);
  bench::run(state, factor_distance_forward_cost(p.rows, p.width), [&] { p.forward(); });
}
BENCHMARK(value)->Apply(sizes);

void gradient(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, factor_distance_backward_cost(p.rows, p.width), [&] {
    cpu_backend().factor_distance.backward(
        {}, {p.a.data(), p.b.data(), p.stats.data(), &p.loss, &p.one, p.rows, p.width, 1, 1e-12f, p.grad_a.data()});
  });
}
BENCHMARK(gradient)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
