/// Image prior of batches of CIFAR images, beside a copy of the images.

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/image_prior/image_prior.h"

namespace engram::kernels {
namespace {

constexpr dim_t kC = 3, kH = 32, kW = 32;

struct Problem {
  dim_t planes, count;
  std::vector<float> x, grad, norms;
  std::vector<double> workspace;
  float tv = 0, l2 = 0, one = 1;

  explicit Problem(const benchmark::State& state)
      : planes(state.range(0) * kC),
        count(planes * kH * kW),
        x(bench::values(count)),
        grad(count),
        norms(kNumImageNorms),
        workspace(cpu_backend().image_prior.workspace_bytes(planes, kH, kW) / sizeof(double)) {}

  void forward() {
    cpu_backend().image_prior.forward({}, {x.data(), planes, kH, kW, workspace.data(), norms.data(), &tv, &l2});
  }
};

void copy(benchmark::State& state) {
  bench::copy_of(state, state.range(0) * kC * kH * kW * 8);
}
BENCHMARK(copy)->Arg(256)->Arg(4096)->UseRealTime();

void forward(benchmark::State& state) {
  Problem p(state);
  bench::run(state, image_prior_forward_cost(p.count), [&] { p.forward(); });
}
BENCHMARK(forward)->Arg(256)->Arg(4096)->UseRealTime();

void backward(benchmark::State& state) {
  Problem p(state);
  p.forward();
  bench::run(state, image_prior_backward_cost(p.count), [&] {
    cpu_backend().image_prior.backward({},
                                       {p.x.data(), p.norms.data(), &p.one, &p.one, p.planes, kH, kW, p.grad.data()});
  });
}
BENCHMARK(backward)->Arg(256)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
