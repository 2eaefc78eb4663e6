/// Squared error behind a margin ReLU and its gradient, beside a copy that moves the bytes of the value's pass.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/margin_error/margin_error.h"

namespace engram::kernels {
namespace {

struct Problem {
  ActivationShape shape;
  std::vector<float> student, teacher, margin, grad;
  std::vector<double> workspace;
  float loss = 0, one = 1;

  explicit Problem(const benchmark::State& state)
      : shape{state.range(0), state.range(1), state.range(2), state.range(2), state.range(3)},
        student(bench::values(shape.count())),
        teacher(student.rbegin(), student.rend()),
        margin(shape.c, -0.5f),
        grad(student.size()),
        workspace(cpu_backend().margin_error.workspace_bytes(shape) / sizeof(double)) {}
};

/// Images, channels, rows, block.
void sizes(benchmark::internal::Benchmark* b) {
  for (const int block : {1, 16}) b->Args({128, 16, 32, block})->Args({128, 64, 8, block})->Args({512, 64, 8, block});
  b->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * state.range(2) * state.range(2) * 8);
}
BENCHMARK(copy)->Apply(sizes);

void value(benchmark::State& state) {
  Problem p(state);
  bench::run(state, margin_error_cost(p.shape, false), [&] {
    cpu_backend().margin_error.forward(
        {}, {p.shape, p.student.data(), p.teacher.data(), p.margin.data(), 1, &p.loss, p.workspace.data()});
  });
}
BENCHMARK(value)->Apply(sizes);

void gradient(benchmark::State& state) {
  Problem p(state);
  bench::run(state, margin_error_cost(p.shape, true), [&] {
    cpu_backend().margin_error.backward(
        {}, {p.shape, p.student.data(), p.teacher.data(), p.margin.data(), &p.one, 1, p.grad.data()});
  });
}
BENCHMARK(gradient)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
