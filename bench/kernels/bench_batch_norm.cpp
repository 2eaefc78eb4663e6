/// batch_norm on the activations of CIFAR networks in the blocked layout, training forward and backward, beside a copy
/// of the same extents. The bytes counted are those of the declared cost: training reads x twice.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/batch_norm/batch_norm.h"

namespace engram::kernels {
namespace {

/// Arguments: batch, channels, height (= width).
void shapes(benchmark::internal::Benchmark* b) {
  b->Args({128, 64, 32})->Args({128, 16, 32})->Args({128, 128, 16})->Args({128, 512, 4})->UseRealTime();
}

struct Problem {
  ActivationShape shape;
  std::vector<float> x, g, g2, y, grad_residual, channels, running, mean, invstd, grad_gamma, grad_beta, workspace;
  std::vector<std::uint16_t> mask;

  explicit Problem(const benchmark::State& state)
      : shape{state.range(0), state.range(1), state.range(2), state.range(2), 16},
        x(bench::values(shape.count())),
        g(x),
        g2(x),
        y(x.size()),
        grad_residual(x.size()),
        channels(std::size_t(shape.c), 1.f),
        running(channels),
        mean(channels),
        invstd(channels),
        grad_gamma(channels),
        grad_beta(channels),
        workspace(cpu_backend().batch_norm.workspace_bytes(shape) / sizeof(float)),
        mask(std::size_t(activation_mask_words(shape.count()))) {}

  void train(const float* residual) {
    cpu_backend().batch_norm.train(
        {}, {shape, x.data(), residual, channels.data(), channels.data(), running.data(), running.data(), 0.1f, 1e-5f,
             Activation::kRelu, 0, y.data(), mask.data(), mean.data(), invstd.data(), workspace.data()});
  }
  void train_backward(const float* grad_y2, float* residual_out) {
    cpu_backend().batch_norm.train_backward(
        {}, {shape, x.data(), g.data(), grad_y2, mask.data(), Activation::kRelu, 0, mean.data(), invstd.data(),
             channels.data(), y.data(), residual_out, grad_gamma.data(), grad_beta.data(), workspace.data()});
  }
};

void copy(benchmark::State& state) {
  bench::copy_of(state, 8 * state.range(0) * state.range(1) * state.range(2) * state.range(2));
}
BENCHMARK(copy)->Apply(shapes);

void train(benchmark::State& state) {
  Problem p(state);
  bench::run(state, batch_norm_train_cost(p.shape, false, true), [&] { p.train(nullptr); });
}
BENCHMARK(train)->Apply(shapes);

void train_residual(benchmark::State& state) {
  Problem p(state);
  bench::run(state, batch_norm_train_cost(p.shape, true, true), [&] { p.train(p.g.data()); });
}
BENCHMARK(train_residual)->Apply(shapes);

void train_backward(benchmark::State& state) {
  Problem p(state);
  p.train(nullptr);
  bench::run(state, batch_norm_train_backward_cost(p.shape, 1, false, true),
             [&] { p.train_backward(nullptr, nullptr); });
}
BENCHMARK(train_backward)->Apply(shapes);

void train_backward_residual(benchmark::State& state) {
  Problem p(state);
  p.train(p.g.data());
  bench::run(state, batch_norm_train_backward_cost(p.shape, 2, true, true),
             [&] { p.train_backward(p.g2.data(), p.grad_residual.data()); });
}
BENCHMARK(train_backward_residual)->Apply(shapes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
