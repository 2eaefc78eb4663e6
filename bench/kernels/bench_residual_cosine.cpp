/// Residuals of two heads, the cosine of their gradients with its own gradient, and the shifted features, beside a copy
/// of the features.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/residual_cosine/residual_cosine.h"

namespace engram::kernels {
namespace {

struct Problem {
  dim_t rows, c1, c2, width;
  std::vector<float> residual1, residual2, targets1, targets2, gram11, gram22, gram12, per_row, cos, norm1, norm2,
      grad11, grad22, grad12, a1, a2, weight, out;
  std::vector<double> workspace;

  explicit Problem(const benchmark::State& state)
      : rows(state.range(0)),
        c1(state.range(1)),
        c2(state.range(2)),
        width(512),
        residual1(bench::values(rows * c1)),
        residual2(bench::values(rows * c2)),
        targets1(residual1.size(), 0.f),
        targets2(residual2.size(), 0.f),
        gram11(bench::values(c1 * c1)),
        gram22(bench::values(c2 * c2)),
        gram12(bench::values(c1 * c2)),
        per_row(bench::values(rows)),
        cos(per_row),
        norm1(per_row),
        norm2(per_row),
        grad11(gram11),
        grad22(gram22),
        grad12(gram12),
        a1(bench::values(rows * width)),
        a2(a1),
        weight(bench::values(c2 * width)),
        out(2 * a1.size()),
        workspace(cpu_backend().residual_cosine.workspace_bytes(rows, c1, c2) / sizeof(double)) {}

  ResidualPair pair() const {
    return {residual1.data(), residual2.data(), gram11.data(), gram22.data(), gram12.data(), rows, c1, c2, 1e-8f};
  }
};

/// Rows, classes, contexts: a batch of PACS, and Coloured MNIST whole.
void sizes(benchmark::internal::Benchmark* b) {
  b->Args({64, 7, 3})->Args({50000, 2, 2})->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * 512 * 8);
}
BENCHMARK(copy)->Apply(sizes);

void head(benchmark::State& state) {
  Problem p(state);
  std::vector<float> result(p.residual1.size());
  bench::run(state, head_residual_cost(p.rows, p.c1), [&] {
    cpu_backend().residual_cosine.head_residual(
        {}, {p.residual1.data(), p.targets1.data(), p.rows, p.c1, true, result.data(), p.per_row.data()});
  });
}
BENCHMARK(head)->Apply(sizes);

void cosine(benchmark::State& state) {
  Problem p(state);
  bench::run(state, residual_cosine_forward_cost(p.pair()), [&] {
    cpu_backend().residual_cosine.forward({}, {p.pair(), p.cos.data(), p.norm1.data(), p.norm2.data()});
  });
}
BENCHMARK(cosine)->Apply(sizes);

void gradient(benchmark::State& state) {
  Problem p(state);
  bench::run(state, residual_cosine_backward_cost(p.pair(), false), [&] {
    cpu_backend().residual_cosine.backward(
        {},
        {p.pair(), p.cos.data(), p.norm1.data(), p.norm2.data(), p.per_row.data(), p.targets1.data(), p.targets2.data(),
         p.grad11.data(), p.grad22.data(), p.grad12.data(), nullptr, nullptr, p.workspace.data()});
  });
}
BENCHMARK(gradient)->Apply(sizes);

void shift(benchmark::State& state) {
  Problem p(state);
  bench::run(state, shifted_concat_cost(p.rows, p.c2, p.width), [&] {
    cpu_backend().residual_cosine.shifted_concat(
        {}, {p.a1.data(), p.a2.data(), p.residual2.data(), p.weight.data(), p.per_row.data(), p.rows, p.c2, p.width,
             false, 1, 1e-8f, p.out.data()});
  });
}
BENCHMARK(shift)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
