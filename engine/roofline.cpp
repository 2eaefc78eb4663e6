#include "engine/roofline.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/allocator.h"
#include "engine/backend.h"
#include "engine/tensor.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/matmul/matmul.h"

namespace engram {
namespace {

constexpr double kSecondsEach = 0.025;
constexpr int kLeastPasses = 5;  // on a busy machine one pass may take longer than that

/// Seconds of the fastest call of `pass`.
template <class Pass>
double fastest(const Pass& pass) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  pass();
  double best = std::numeric_limits<double>::infinity();
  const auto start = Clock::now();
  for (int i = 0; i < kLeastPasses || seconds(Clock::now() - start) < kSecondsEach; ++i) {
    const auto begin = Clock::now();
    pass();
    best = std::min(best, seconds(Clock::now() - begin));
  }
  return std::max(best, 1e-9);
}

double copy_rate(const Device& device) {
  constexpr dim_t kCount = dim_t{16} << 20;  // f32: 64 MiB, beyond the caches
  const Tensor x = Tensor::full({kCount}, 1.f, device), y = Tensor::empty({kCount}, DType::kF32, device);
  const kernels::UnaryArgs args{
      .op = kernels::UnaryOp::kCopy, .x = x.data<float>(), .y = y.data<float>(), .count = kCount};
  const double bytes = 2.0 * double(kCount) * sizeof(float);
  return bytes / fastest([&] {
           backend(device).elementwise.unary(current_stream(device), args);
           synchronize(device);
         });
}

double matmul_rate(const Device& device) {
  constexpr dim_t kSize = 512;
  const Tensor a = Tensor::full({kSize, kSize}, 0.5f, device), b = Tensor::full({kSize, kSize}, 0.25f, device);
  const Tensor c = Tensor::empty({kSize, kSize}, DType::kF32, device);
  const kernels::MatmulArgs args{.m = kSize,
                                 .n = kSize,
                                 .k = kSize,
                                 .a = a.data<float>(),
                                 .b = b.data<float>(),
                                 .c = c.data<float>(),
                                 .lda = kSize,
                                 .ldb = kSize,
                                 .ldc = kSize};
  const double flops = double(kernels::matmul_cost(args).flops);
  return flops / fastest([&] {
           backend(device).matmul.matmul(current_stream(device), args);
           synchronize(device);
         });
}

}  // namespace

profiler::Roofline measure_roofline(Device device) {
  const profiler::Roofline roofline{.bytes_per_s = copy_rate(device), .flops_per_s = matmul_rate(device)};
  CachingAllocator::of(device).release_cache();
  CachingAllocator::of(device).reset_peak();
  return roofline;
}

}  // namespace engram
