/// Kernels of the metrics of made images: scans of tiles and eigenvalues, at the sizes of 512 features.

#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "kernels/ball_scan/ball_scan.h"
#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram::kernels {
namespace {

template <class T>
std::vector<T> normal_values(dim_t count) {
  std::mt19937 rng(1);
  std::normal_distribution<T> normal;
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& v : values) v = normal(rng);
  return values;
}

/// A row of a tile without a hit, which nearly all are.
void BallScan(benchmark::State& state) {
  const dim_t count = state.range(0);
  const std::vector<float> product = normal_values<float>(count), norm(std::size_t(count), 100.f), reach(norm.size());
  std::vector<std::int32_t> hits(norm.size());
  dim_t num_hits = 0;
  for (auto _ : state) {
    kCpuBallScan.scan({}, {.product = product.data(),
                           .norm = norm.data(),
                           .reach = reach.data(),
                           .count = count,
                           .bound = -1,
                           .shift = -1,
                           .hits = hits.data(),
                           .num_hits = &num_hits});
    benchmark::DoNotOptimize(num_hits);
  }
  state.SetBytesProcessed(state.iterations() * ball_scan_cost(count, true).bytes_read);
}
BENCHMARK(BallScan)->Arg(4096);

void SymmetricEigen(benchmark::State& state) {
  const dim_t n = state.range(0);
  const std::vector<double> a = normal_values<double>(n * n);
  std::vector<double> values(static_cast<std::size_t>(n)), vectors(a.size());
  for (auto _ : state) {
    kCpuSymmetricEigen.eigen({}, {a.data(), n, values.data(), state.range(1) ? vectors.data() : nullptr});
    benchmark::DoNotOptimize(values.data());
  }
}
BENCHMARK(SymmetricEigen)->Args({512, 0})->Args({512, 1})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
