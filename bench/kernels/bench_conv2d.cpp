/// Convolution passes at the layers of the networks, by the fast and the exact rule, with weights packed in every call
/// and kept packed. Arguments: batch size, layer. FLOP/s are nominal (those of the direct method), so Winograd can pass
/// the machine's peak. One copy of the reordered size stands beside the layout copies.

#include <omp.h>

#include "bench/kernels/family_bench.h"
#include "kernels/backend.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/reorder/reorder.h"

namespace engram::kernels {
namespace {

struct Layer {
  const char* name;
  dim_t ic, oc, size, kernel, stride;
};

constexpr Layer kLayers[] = {
    {"stem 3-64@32", 3, 64, 32, 3, 1},
    {"64@32", 64, 64, 32, 3, 1},
    {"128@16", 128, 128, 16, 3, 1},
    {"256@8", 256, 256, 8, 3, 1},
    {"512@4", 512, 512, 4, 3, 1},
    {"64-128@32 stride 2", 64, 128, 32, 3, 2},
    {"256-512@8 stride 2", 256, 512, 8, 3, 2},
    {"64-128@32 1x1 stride 2", 64, 128, 32, 1, 2},
    {"512@2", 512, 512, 2, 3, 1},
    {"stem 3-16@32", 3, 16, 32, 3, 1},
    {"16@32", 16, 16, 32, 3, 1},
    {"32@16", 32, 32, 16, 3, 1},
    {"32@32", 32, 32, 32, 3, 1},
    {"32@8", 32, 32, 8, 3, 1},
    {"64@8", 64, 64, 8, 3, 1},
    {"16-32@32 stride 2", 16, 32, 32, 3, 2},
    {"16-32@32", 16, 32, 32, 3, 1},
    {"32-64@16", 32, 64, 16, 3, 1},
    {"generator 128-64@32", 128, 64, 32, 3, 1},
    {"generator 64-3@32", 64, 3, 32, 3, 1},
    {"decoder 512-256@4 1x1", 512, 256, 4, 1, 1},
    {"decoder 128-64@16 1x1", 128, 64, 16, 1, 1},
};

struct Problem {
  const Layer& layer;
  Conv2dShape s;
  std::vector<float> x, w, y, gw;
  std::shared_ptr<WeightPackCache> cache = make_weight_pack_cache();

  explicit Problem(const benchmark::State& state)
      : layer(kLayers[state.range(1)]),
        s{.n = state.range(0),
          .ic = layer.ic,
          .ih = layer.size,
          .iw = layer.size,
          .oc = layer.oc,
          .kh = layer.kernel,
          .kw = layer.kernel,
          .stride_h = layer.stride,
          .stride_w = layer.stride,
          .pad_h = layer.kernel / 2,
          .pad_w = layer.kernel / 2,
          .x_block = layer.ic % 16 ? 1 : 16,
          .y_block = layer.oc % 16 ? 1 : 16},
        x(bench::values(s.x().count())),
        w(bench::values(s.weight_count())),
        y(bench::values(s.y().count())),
        gw(s.weight_count()) {}

  ConvWeight weight(bool kept) const { return {w.data(), 1, kept ? cache.get() : nullptr}; }
};

void cases(benchmark::internal::Benchmark* b) {
  for (dim_t n : {8, 16, 32, 128})
    for (dim_t i = 0; i < dim_t(std::size(kLayers)); ++i) b->Args({n, i});
  b->UseRealTime()->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);
}

template <class Call>
void measure(benchmark::State& state, const Problem& p, ConvPass pass, ConvPolicy policy, const Call& call) {
  call();  // makes the plan and touches the scratch memory
  const Cost cost = conv2d_cost(p.s, pass);
  for (auto _ : state) call();
  state.SetBytesProcessed(state.iterations() * (cost.bytes_read + cost.bytes_written));
  state.counters["FLOP/s"] =
      benchmark::Counter(double(cost.flops) * double(state.iterations()), benchmark::Counter::kIsRate);
  state.SetLabel(std::string(p.layer.name) + " " + conv2d_plan_info(p.s, pass, policy));
}

void fprop(benchmark::State& state, ConvPolicy policy, bool kept) {
  Problem p(state);
  measure(state, p, ConvPass::kFprop, policy, [&] {
    cpu_backend().conv2d.fprop(
        {}, {.shape = p.s, .policy = policy, .x = p.x.data(), .weight = p.weight(kept), .y = p.y.data()});
  });
}
void dgrad(benchmark::State& state, ConvPolicy policy, bool kept) {
  Problem p(state);
  measure(state, p, ConvPass::kDgrad, policy, [&] {
    cpu_backend().conv2d.dgrad(
        {}, {.shape = p.s, .policy = policy, .gy = p.y.data(), .weight = p.weight(kept), .gx = p.x.data()});
  });
}
void wgrad(benchmark::State& state, ConvPolicy policy) {
  Problem p(state);
  measure(state, p, ConvPass::kWgrad, policy, [&] {
    cpu_backend().conv2d.wgrad({},
                               {.shape = p.s, .policy = policy, .x = p.x.data(), .gy = p.y.data(), .gw = p.gw.data()});
  });
}
BENCHMARK_CAPTURE(fprop, fast, ConvPolicy::kFast, false)->Apply(cases);
BENCHMARK_CAPTURE(fprop, fast_kept, ConvPolicy::kFast, true)->Apply(cases);
BENCHMARK_CAPTURE(fprop, exact, ConvPolicy::kExact, false)->Apply(cases);
BENCHMARK_CAPTURE(dgrad, fast, ConvPolicy::kFast, false)->Apply(cases);
BENCHMARK_CAPTURE(dgrad, fast_kept, ConvPolicy::kFast, true)->Apply(cases);
BENCHMARK_CAPTURE(dgrad, exact, ConvPolicy::kExact, false)->Apply(cases);
BENCHMARK_CAPTURE(wgrad, fast, ConvPolicy::kFast)->Apply(cases);
BENCHMARK_CAPTURE(wgrad, exact, ConvPolicy::kExact)->Apply(cases);

void copy(benchmark::State& state) {
  bench::copy_of(state, 2 * state.range(0) * state.range(1) * 1024 * dim_t(sizeof(float)));
}
BENCHMARK(copy)->Args({128, 64})->Args({128, 3})->UseRealTime();

void to_blocked(benchmark::State& state) {
  const ReorderArgs extents = {nullptr, nullptr, state.range(0), state.range(1), 32, 32};
  const auto src = bench::values(extents.n * extents.c * 1024);
  std::vector<float> dst(extents.n * padded_channels(extents.c) * 1024);
  bench::run(state, reorder_cost(extents), [&] {
    cpu_backend().reorder.to_blocked({}, {src.data(), dst.data(), extents.n, extents.c, 32, 32});
  });
}
BENCHMARK(to_blocked)->Args({128, 64})->Args({128, 3})->UseRealTime();

void to_planar(benchmark::State& state) {
  const ReorderArgs extents = {nullptr, nullptr, state.range(0), state.range(1), 32, 32};
  const auto src = bench::values(extents.n * padded_channels(extents.c) * 1024);
  std::vector<float> dst(extents.n * extents.c * 1024);
  bench::run(state, reorder_cost(extents), [&] {
    cpu_backend().reorder.to_planar({}, {src.data(), dst.data(), extents.n, extents.c, 32, 32});
  });
}
BENCHMARK(to_planar)->Args({128, 64})->Args({128, 3})->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
