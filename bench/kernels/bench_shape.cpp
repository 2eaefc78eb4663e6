/// Reductions and strided copies beside a plain copy of the same size.

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "kernels/backend.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/reduce/reduce.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels {
namespace {

constexpr dim_t kRows = 4096, kColumns = 2048;  // 33 MB

void copy(benchmark::State& state) {
  const std::vector<float> x(kRows * kColumns, 1);
  std::vector<float> y(x.size());
  for (auto _ : state) cpu_backend().elementwise.unary({}, {UnaryOp::kCopy, x.data(), y.data(), dim_t(x.size())});
  state.SetBytesProcessed(state.iterations() * dim_t(x.size()) * 8);
}
BENCHMARK(copy)->UseRealTime();

void run_reduce(benchmark::State& state, ReduceOp op, std::vector<dim_t> kept, std::vector<dim_t> kept_stride,
                std::vector<dim_t> reduced, std::vector<dim_t> reduced_stride) {
  const std::vector<float> x(kRows * kColumns, 1);
  ReduceArgs args{};
  args.op = op;
  args.x = x.data();
  args.scale = 1;
  args.kept_rank = int(kept.size());
  args.reduced_rank = int(reduced.size());
  dim_t outputs = 1;
  for (dim_t extent : kept) outputs *= extent;
  std::vector<float> y(outputs);
  args.y = y.data();
  std::copy(kept.begin(), kept.end(), args.kept_shape);
  std::copy(kept_stride.begin(), kept_stride.end(), args.kept_stride);
  std::copy(reduced.begin(), reduced.end(), args.reduced_shape);
  std::copy(reduced_stride.begin(), reduced_stride.end(), args.reduced_stride);
  std::vector<char> workspace(cpu_backend().reduce.workspace_bytes(args));
  args.workspace = workspace.data();
  for (auto _ : state) cpu_backend().reduce.reduce({}, args);
  state.SetBytesProcessed(state.iterations() * reduce_cost(args).bytes_read);
}

void sum_all(benchmark::State& s) {
  run_reduce(s, ReduceOp::kSum, {}, {}, {kRows * kColumns}, {1});
}
void max_all(benchmark::State& s) {
  run_reduce(s, ReduceOp::kMax, {}, {}, {kRows * kColumns}, {1});
}
void sum_last_axis(benchmark::State& s) {
  run_reduce(s, ReduceOp::kSum, {kRows}, {kColumns}, {kColumns}, {1});
}
void sum_first_axis(benchmark::State& s) {
  run_reduce(s, ReduceOp::kSum, {kColumns}, {1}, {kRows}, {kColumns});
}
void sum_short_rows(benchmark::State& s) {
  run_reduce(s, ReduceOp::kSum, {kRows * kColumns / 32}, {32}, {32}, {1});
}
void sum_blocked_pixels(benchmark::State& s) {
  run_reduce(s, ReduceOp::kSum, {kRows * kColumns / 16384, 16}, {16384, 1}, {1024}, {16});
}
void sum_blocked_channels(benchmark::State& s) {  // [128, 4, 1024, 16]: over n and pixels
  run_reduce(s, ReduceOp::kSum, {4, 16}, {16384, 1}, {128, 1024}, {65536, 16});
}
BENCHMARK(sum_all)->UseRealTime();
BENCHMARK(max_all)->UseRealTime();
BENCHMARK(sum_last_axis)->UseRealTime();
BENCHMARK(sum_first_axis)->UseRealTime();
BENCHMARK(sum_short_rows)->UseRealTime();
BENCHMARK(sum_blocked_pixels)->UseRealTime();
BENCHMARK(sum_blocked_channels)->UseRealTime();

void run_copy(benchmark::State& state, StridedCopyArgs args) {
  const std::vector<float> x(kRows * kColumns, 1);
  std::vector<float> y(x.size());
  args.x = x.data();
  args.y = y.data();
  args.element_bytes = 4;
  for (auto _ : state) cpu_backend().strided_copy.copy({}, args);
  const Cost cost = strided_copy_cost(args);
  state.SetBytesProcessed(state.iterations() * (cost.bytes_read + cost.bytes_written));
}

void transposition(benchmark::State& state) {
  run_copy(state, {nullptr, nullptr, 4, 2, {kColumns, kRows}, {1, kColumns}, {kRows, 1}});
}
void planar_to_blocked(benchmark::State& state) {  // [512, 16, 1024] -> [512, 1024, 16]
  run_copy(state, {nullptr, nullptr, 4, 3, {512, 1024, 16}, {16384, 1, 1024}, {16384, 16, 1}});
}
void blocked_to_planar(benchmark::State& state) {
  run_copy(state, {nullptr, nullptr, 4, 3, {512, 16, 1024}, {16384, 1, 16}, {16384, 1024, 1}});
}
void slice_of_rows(benchmark::State& state) {
  run_copy(state, {nullptr, nullptr, 4, 2, {kRows, kColumns / 2}, {kColumns, 1}, {kColumns / 2, 1}});
}
BENCHMARK(transposition)->UseRealTime();
BENCHMARK(planar_to_blocked)->UseRealTime();
BENCHMARK(blocked_to_planar)->UseRealTime();
BENCHMARK(slice_of_rows)->UseRealTime();

}  // namespace
}  // namespace engram::kernels

BENCHMARK_MAIN();
