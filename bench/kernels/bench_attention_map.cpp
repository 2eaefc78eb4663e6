/// Attention maps and their gradient at the stages of a CIFAR ResNet, beside a copy that moves the activation's bytes.

#include "bench/kernels/family_bench.h"
#include "kernels/attention_map/attention_map.h"
#include "kernels/backend.h"

namespace engram::kernels {
namespace {

struct Problem {
  ActivationShape shape;
  std::vector<float> x, map, norm, grad_map, grad_x;

  explicit Problem(const benchmark::State& state)
      : shape{state.range(0), state.range(1), state.range(2), state.range(2), state.range(3)},
        x(bench::values(shape.count())),
        map(shape.n * shape.pixels()),
        norm(shape.n),
        grad_map(bench::values(shape.n * shape.pixels())),
        grad_x(x.size()) {}

  void forward() { cpu_backend().attention_map.forward({}, {shape, x.data(), 2, 1e-12f, map.data(), norm.data()}); }
};

/// Images, channels, rows, block.
void sizes(benchmark::internal::Benchmark* b) {
  for (const int block : {1, 16}) b->Args({128, 16, 32, block})->Args({128, 64, 8, block})->Args({512, 64, 8, block});
  b->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * state.range(2) * state.range(2) * 4);
}
BENCHMARK(copy)->Apply(sizes);

void value(benchmark::State& state) {
  Problem p(state);
  bench::run(state, attention_map_forward_cost(p.shape), [&] { p.forward(); });
}
BENCHMARK(value)->Apply(sizes);

void gradient(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, attention_map_backward_cost(p.shape), [&] {
    cpu_backend().attention_map.backward(
        {}, {p.shape, p.x.data(), p.map.data(), p.norm.data(), p.grad_map.data(), 2, 1e-12f, p.grad_x.data()});
  });
}
BENCHMARK(gradient)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
