#pragma once
/// What the benchmarks of the loss, optimiser and image kernels share: data, a copy of the same size, bytes from the
/// declared cost.

#include <benchmark/benchmark.h>

#include <vector>

#include "kernels/common/cost.h"
#include "kernels/common/types.h"

namespace engram::bench {

/// `count` values in [-2, 2) that differ from each other.
inline std::vector<float> values(dim_t count) {
  std::vector<float> v(static_cast<std::size_t>(count));
  for (dim_t i = 0; i < count; ++i) v[i] = float(i * 7919 % 4001) / 1000.f - 2.f;
  return v;
}

/// Runs `kernel()` and counts the bytes of `cost`.
template <class Kernel>
void run(benchmark::State& state, const Cost& cost, const Kernel& kernel) {
  for (auto _ : state) kernel();
  state.SetBytesProcessed(state.iterations() * (cost.bytes_read + cost.bytes_written));
}

/// The yardstick: a copy that moves `bytes` in all.
void copy_of(benchmark::State& state, dim_t bytes);

}  // namespace engram::bench
