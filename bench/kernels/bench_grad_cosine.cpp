/// Row cosine, its gradient and double gradient, beside a copy of both operands.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/grad_cosine/grad_cosine.h"

namespace engram::kernels {
namespace {

struct Problem {
  dim_t rows, width;
  std::vector<float> a, b, v_a, v_b, grad_a, grad_b, cos, stats, grad_cos, grad_grad_cos;

  explicit Problem(const benchmark::State& state)
      : rows(state.range(0)),
        width(state.range(1)),
        a(bench::values(rows * width)),
        b(a.rbegin(), a.rend()),
        v_a(a),
        v_b(b),
        grad_a(a.size()),
        grad_b(a.size()),
        cos(rows),
        stats(rows * kNumCosineStats),
        grad_cos(rows, 1.f),
        grad_grad_cos(rows) {}

  void forward() {
    cpu_backend().grad_cosine.forward({}, {a.data(), b.data(), rows, width, 1e-8f, cos.data(), stats.data()});
  }
};

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({128, 512})->Args({128, 16384})->Args({2048, 2048})->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * 16);
}
BENCHMARK(copy)->Apply(sizes);

void value(benchmark::State& state) {
  Problem p(state);
  bench::run(state, grad_cosine_forward_cost(p.rows, p.width), [&] { p.forward(); });
}
BENCHMARK(value)->Apply(sizes);

void gradient(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, grad_cosine_backward_cost(p.rows, p.width, 2), [&] {
    cpu_backend().grad_cosine.backward({}, {p.a.data(), p.b.data(), p.stats.data(), p.grad_cos.data(), p.rows, p.width,
                                            1e-8f, p.grad_a.data(), p.grad_b.data()});
  });
}
BENCHMARK(gradient)->Apply(sizes);

void double_gradient(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, grad_cosine_double_backward_cost(p.rows, p.width, 2), [&] {
    cpu_backend().grad_cosine.double_backward(
        {}, {p.a.data(), p.b.data(), p.stats.data(), p.grad_cos.data(), p.v_a.data(), p.v_b.data(), p.rows, p.width,
             1e-8f, p.grad_a.data(), p.grad_b.data(), p.grad_grad_cos.data()});
  });
}
BENCHMARK(double_gradient)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
