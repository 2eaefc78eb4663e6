/// Cross entropy, log-softmax and KL beside a copy that moves the same bytes as one cross-entropy pass both ways.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels {
namespace {

struct Problem {
  dim_t rows, classes;
  std::vector<float> logits, teacher, stats, teacher_stats, row_loss, grad, distill_stats;
  std::vector<double> workspace;
  std::vector<std::int32_t> labels;
  float loss = 0, kl_loss = 0, one = 1;
  std::int32_t invalid = 0;

  explicit Problem(const benchmark::State& state)
      : rows(state.range(0)),
        classes(state.range(1)),
        logits(bench::values(rows * classes)),
        teacher(logits.rbegin(), logits.rend()),
        stats(2 * rows),
        teacher_stats(2 * rows),
        row_loss(rows),
        grad(rows * classes),
        distill_stats(kNumDistillStats * rows),
        workspace(cpu_backend().softmax_xent.distill_workspace_bytes(rows, classes) / sizeof(double)),
        labels(rows) {
    for (dim_t r = 0; r < rows; ++r) labels[r] = std::int32_t(r % classes);
  }

  void forward() {
    cpu_backend().softmax_xent.forward(
        {}, {logits.data(), labels.data(), nullptr, rows, classes, 0, stats.data(), row_loss.data(), &loss, &invalid});
  }
  void kl_forward() {
    cpu_backend().softmax_xent.kl_forward({}, {logits.data(), teacher.data(), rows, classes, 4, 16, stats.data(),
                                               teacher_stats.data(), row_loss.data(), &loss});
  }
  void distill_forward() {
    cpu_backend().softmax_xent.distill_forward({}, {logits.data(), teacher.data(), labels.data(), rows, classes, 4, 16,
                                                    distill_stats.data(), &loss, &kl_loss, &invalid, workspace.data()});
  }
};

void sizes(benchmark::internal::Benchmark* b) {
  b->Args({256, 10})->Args({4096, 100})->Args({4096, 1000})->UseRealTime();
}

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * state.range(1) * 8);
}
BENCHMARK(copy)->Apply(sizes);

void xent_forward(benchmark::State& state) {
  Problem p(state);
  bench::run(state, softmax_xent_forward_cost(p.rows, p.classes, false), [&] { p.forward(); });
}
BENCHMARK(xent_forward)->Apply(sizes);

void xent_backward(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, softmax_xent_backward_cost(p.rows, p.classes, false), [&] {
    cpu_backend().softmax_xent.backward({}, {p.logits.data(), p.labels.data(), nullptr, p.stats.data(), &p.one, nullptr,
                                             p.rows, p.classes, 0, p.grad.data()});
  });
}
BENCHMARK(xent_backward)->Apply(sizes);

void log_softmax(benchmark::State& state) {
  Problem p(state);
  bench::run(state, log_softmax_cost(p.rows, p.classes, false), [&] {
    cpu_backend().softmax_xent.log_softmax_forward({}, {p.logits.data(), p.grad.data(), p.rows, p.classes});
  });
}
BENCHMARK(log_softmax)->Apply(sizes);

void kl_forward(benchmark::State& state) {
  Problem p(state);
  bench::run(state, kl_cost(p.rows, p.classes, 0), [&] { p.kl_forward(); });
}
BENCHMARK(kl_forward)->Apply(sizes);

void kl_backward(benchmark::State& state) {
  Problem p(state);
  p.kl_forward();
  bench::run(state, kl_cost(p.rows, p.classes, 1), [&] {
    cpu_backend().softmax_xent.kl_backward(
        {}, {p.logits.data(), p.teacher.data(), p.stats.data(), p.teacher_stats.data(), p.row_loss.data(), &p.one,
             p.rows, p.classes, 4, 16, p.grad.data(), nullptr});
  });
}
BENCHMARK(kl_backward)->Apply(sizes);

void distill_forward(benchmark::State& state) {
  Problem p(state);
  bench::run(state, distill_cost(p.rows, p.classes, false), [&] { p.distill_forward(); });
}
BENCHMARK(distill_forward)->Apply(sizes);

void distill_backward(benchmark::State& state) {
  Problem p(state);
  p.distill_forward();
  bench::run(state, distill_cost(p.rows, p.classes, true), [&] {
    cpu_backend().softmax_xent.distill_backward(
        {}, {p.logits.data(), p.teacher.data(), p.labels.data(), p.distill_stats.data(), &p.one, &p.one, p.rows,
             p.classes, 4, 16, p.grad.data()});
  });
}
BENCHMARK(distill_backward)->Apply(sizes);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
