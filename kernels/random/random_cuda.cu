#include <algorithm>
#include <cmath>

#include "kernels/common/cuda/pack.cuh"
#include "kernels/random/random.h"
#include "kernels/random/random_formulas.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Values of one thread.
constexpr int kValues = 4;

/// Four words of the stream from `position` on; the third and fourth only if they belong to the caller's values.
__device__ __forceinline__ PhiloxBlock words_at(std::uint64_t seed, std::uint64_t position) {
  PhiloxBlock words = philox_block(seed, position / 4);
  const unsigned shift = unsigned(position % 4);
  if (shift == 0) return words;
  const PhiloxBlock next = philox_block(seed, position / 4 + 1);
  const std::uint32_t all[8] = {words.word[0], words.word[1], words.word[2], words.word[3],
                                next.word[0],  next.word[1],  next.word[2],  next.word[3]};
#pragma unroll
  for (int i = 0; i < 4; ++i)  // constant positions, so that `all` stays in registers
    words.word[i] = shift == 1 ? all[i + 1] : shift == 2 ? all[i + 2] : all[i + 3];
  return words;
}

struct Uniform {
  float low, width, largest;
  __device__ void operator()(const RandomStream& stream, std::uint64_t position, float (&y)[kValues]) const {
    const PhiloxBlock words = words_at(stream.seed, position);
#pragma unroll
    for (int i = 0; i < kValues; ++i) {
      const float v = scaled_uniform(words.word[i], low, width);
      y[i] = v < largest ? v : largest;
    }
  }
};

/// The values from an even position are whole pairs; an odd one takes the second of a pair first.
struct Normal {
  float mean, deviation;
  __device__ void operator()(const RandomStream& stream, std::uint64_t position, float (&y)[kValues]) const {
    const unsigned odd = unsigned(position % 2);
    const PhiloxBlock words = words_at(stream.seed, position - odd);
    float z[kValues + 2];
    normal_pair(words.word[0], words.word[1], z[0], z[1]);
    normal_pair(words.word[2], words.word[3], z[2], z[3]);
    z[4] = z[5] = 0.f;
    if (odd) {
      const std::uint64_t last = position + 3;
      const PhiloxBlock block = philox_block(stream.seed, last / 4);
      const bool upper = last % 4 == 2;
      normal_pair(upper ? block.word[2] : block.word[0], upper ? block.word[3] : block.word[1], z[4], z[5]);
    }
#pragma unroll
    for (int i = 0; i < kValues; ++i) y[i] = std::fma(odd ? z[i + 1] : z[i], deviation, mean);
  }
};

struct Bernoulli {
  std::uint64_t threshold;
  float value;
  __device__ void operator()(const RandomStream& stream, std::uint64_t position, float (&y)[kValues]) const {
    const PhiloxBlock words = words_at(stream.seed, position);
#pragma unroll
    for (int i = 0; i < kValues; ++i) y[i] = words.word[i] < threshold ? value : 0.f;
  }
};

/// Writes the bits of integers through f32 registers.
struct Integers {
  std::int32_t low;
  std::uint32_t range;
  __device__ void operator()(const RandomStream& stream, std::uint64_t position, float (&y)[kValues]) const {
    const PhiloxBlock words = words_at(stream.seed, position);
#pragma unroll
    for (int i = 0; i < kValues; ++i) y[i] = __int_as_float(bounded_integer(words.word[i], low, range));
  }
};

/// kValues neighbouring values a thread; whole packs where y is aligned.
template <class Values>
__global__ void __launch_bounds__(kThreads)
    fill_kernel(float* y, dim_t count, RandomStream stream, Values values, bool vectors) {
  const dim_t first = (dim_t(blockIdx.x) * kThreads + threadIdx.x) * kValues;
  if (first >= count) return;
  float v[kValues];
  values(stream, stream.position() + std::uint64_t(first), v);
  if (vectors && first + kValues <= count) {
    store(y + first, Pack<4>{{v[0], v[1], v[2], v[3]}});
    return;
  }
#pragma unroll
  for (int i = 0; i < kValues; ++i)
    if (first + i < count) y[first + i] = v[i];
}

template <class Values>
void launch(Stream stream, float* y, dim_t count, const RandomStream& random, const Values& values) {
  if (count == 0) return;
  ENGRAM_LAUNCH(fill_kernel<Values>, grid_of(ceil_div(count, kThreads * kValues)), kThreads, 0, stream, y, count,
                random, values, aligned16(y));
}

void uniform(Stream stream, const UniformArgs& a) {
  const float largest = a.low < a.high ? std::nextafter(a.high, a.low) : a.low;
  launch(stream, a.y, a.count, a.stream, Uniform{a.low, a.high - a.low, largest});
}

void normal(Stream stream, const NormalArgs& a) {
  launch(stream, a.y, a.count, a.stream, Normal{a.mean, a.deviation});
}

void bernoulli(Stream stream, const BernoulliArgs& a) {
  const auto threshold = std::uint64_t(std::llround(std::min(1.0, std::max(0.0, a.probability)) * 4294967296.0));
  launch(stream, a.y, a.count, a.stream, Bernoulli{threshold, a.value});
}

void integers(Stream stream, const RandomIntegersArgs& a) {
  launch(stream, reinterpret_cast<float*>(a.y), a.count, a.stream, Integers{a.low, a.range});
}

}  // namespace

const RandomKernels kCudaRandom = {uniform, normal, bernoulli, integers};

}  // namespace engram::kernels
