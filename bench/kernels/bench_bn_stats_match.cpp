/// bn_stats_match on the activations of CIFAR networks in the blocked layout, forward and backward, beside copies that
/// move the same number of bytes.

#include <cstring>

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/common/instruction_set.h"
#include "kernels/elementwise/elementwise.h"

namespace engram::kernels {
namespace {

/// Arguments: batch, channels, height (= width).
void shapes(benchmark::internal::Benchmark* b) {
  b->Args({128, 64, 32})
      ->Args({256, 128, 16})
      ->Args({32, 64, 32})
      ->Args({128, 256, 8})
      ->Args({256, 512, 4})
      ->UseRealTime();
}

struct Problem {
  ActivationShape shape;
  std::vector<float> x, residual, g, g2, y, out2, channels, batch_mean, batch_var, workspace;
  std::vector<std::uint16_t> mask;
  float norms[2] = {1, 1}, grads[2] = {10, 10};

  Problem(const benchmark::State& state, bool second)
      : shape{state.range(0), state.range(1), state.range(2), state.range(2), 16},
        x(bench::values(shape.count())),
        y(x.size()),
        channels(std::size_t(shape.c), 1.f),
        batch_mean(channels),
        batch_var(channels),
        workspace(cpu_backend().bn_stats_match.workspace_bytes(shape) / sizeof(float)),
        mask(std::size_t(activation_mask_words(shape.count()))) {
    if (second) residual = g2 = out2 = x;
    g = x;
  }

  void forward(const float* added, float* to) {
    cpu_backend().bn_stats_match.forward(
        {}, {shape, x.data(), added, channels.data(), channels.data(), channels.data(), channels.data(), 1e-5f,
             Activation::kRelu, 0, to, mask.data(), batch_mean.data(), batch_var.data(), &norms[0], &norms[1],
             workspace.data()});
  }
  void backward(const float* grad_y2, float* grad_residual) {
    cpu_backend().bn_stats_match.backward(
        {},
        {shape,           x.data(),        g.data(),        grad_y2,  mask.data(),       Activation::kRelu, 0,
         channels.data(), channels.data(), channels.data(), 1e-5f,    batch_mean.data(), batch_var.data(),  &norms[0],
         &norms[1],       &grads[0],       &grads[1],       y.data(), grad_residual,     workspace.data()});
  }
};

dim_t count_of(const benchmark::State& state) {
  return state.range(0) * state.range(1) * state.range(2) * state.range(2);
}

/// y = x: as many bytes as forward.
void copy(benchmark::State& state) {
  bench::copy_of(state, 8 * count_of(state));
}
BENCHMARK(copy)->Apply(shapes);

/// memcpy by one chunk a thread: the C library's own choice of stores.
void copy_memcpy(benchmark::State& state) {
  const dim_t count = count_of(state), half = count / 2;
  const std::vector<float> x = bench::values(count);
  std::vector<float> y(x.size());
  bench::run(state, unary_cost(count), [&] {
#pragma omp parallel for
    for (int i = 0; i < 2; ++i) std::memcpy(y.data() + i * half, x.data() + i * half, std::size_t(half) * 4);
  });
}
BENCHMARK(copy_memcpy)->Apply(shapes);

/// y = x0 + x1: as many bytes as backward, and as forward with a residual.
void add(benchmark::State& state) {
  const dim_t count = count_of(state);
  const std::vector<float> x0 = bench::values(count), x1 = x0;
  std::vector<float> y(x0.size());
  bench::run(state, binary_cost(count), [&] {
    cpu_backend().elementwise.binary({}, {BinaryOp::kAdd, x0.data(), x1.data(), y.data(), count});
  });
}
BENCHMARK(add)->Apply(shapes);

void forward(benchmark::State& state) {
  Problem p(state, false);
  bench::run(state, bn_stats_match_cost(p.shape, true, false, true), [&] { p.forward(nullptr, p.y.data()); });
}
BENCHMARK(forward)->Apply(shapes);

/// As on a processor without AVX-512.
void forward_avx2(benchmark::State& state) {
  Problem p(state, false);
  limit_instruction_set(InstructionSet::kAvx2);
  bench::run(state, bn_stats_match_cost(p.shape, true, false, true), [&] { p.forward(nullptr, p.y.data()); });
  limit_instruction_set(InstructionSet::kAvx512);
}
BENCHMARK(forward_avx2)->Apply(shapes);

void forward_residual(benchmark::State& state) {
  Problem p(state, true);
  bench::run(state, bn_stats_match_cost(p.shape, true, true, true), [&] { p.forward(p.residual.data(), p.y.data()); });
}
BENCHMARK(forward_residual)->Apply(shapes);

void statistics_only(benchmark::State& state) {
  Problem p(state, false);
  bench::run(state, bn_stats_match_cost(p.shape, false, false, false), [&] { p.forward(nullptr, nullptr); });
}
BENCHMARK(statistics_only)->Apply(shapes);

void backward(benchmark::State& state) {
  Problem p(state, false);
  p.forward(nullptr, p.y.data());
  bench::run(state, bn_stats_match_backward_cost(p.shape, true, 1, false, true), [&] { p.backward(nullptr, nullptr); });
}
BENCHMARK(backward)->Apply(shapes);

void backward_avx2(benchmark::State& state) {
  Problem p(state, false);
  p.forward(nullptr, p.y.data());
  limit_instruction_set(InstructionSet::kAvx2);
  bench::run(state, bn_stats_match_backward_cost(p.shape, true, 1, false, true), [&] { p.backward(nullptr, nullptr); });
  limit_instruction_set(InstructionSet::kAvx512);
}
BENCHMARK(backward_avx2)->Apply(shapes);

void backward_residual(benchmark::State& state) {
  Problem p(state, true);
  p.forward(p.residual.data(), p.y.data());
  bench::run(state, bn_stats_match_backward_cost(p.shape, true, 2, true, true),
             [&] { p.backward(p.g2.data(), p.out2.data()); });
}
BENCHMARK(backward_residual)->Apply(shapes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
