#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/random/random.h"
#include "kernels/random/random_formulas.h"

namespace engram::kernels {
namespace {

/// Blocks made side by side, one a vector lane, and the words in them.
constexpr int kLanes = 16;
constexpr int kBatch = 4 * kLanes;
constexpr dim_t kChunk = 1 << 14;

/// Words of kLanes neighbouring blocks: word[j][k] is word j of block first + k.
struct Words {
  std::uint32_t word[4][kLanes];
};

ENGRAM_ALWAYS_INLINE void make_words(std::uint64_t seed, std::uint64_t first, Words& out) {
  auto& w = out.word;
  for (int k = 0; k < kLanes; ++k) {
    w[0][k] = std::uint32_t(first + std::uint64_t(k));
    w[1][k] = std::uint32_t((first + std::uint64_t(k)) >> 32);
    w[2][k] = 0;
    w[3][k] = 0;
  }
  const auto key0 = std::uint32_t(seed), key1 = std::uint32_t(seed >> 32);
  for (std::uint32_t round = 0; round < 10; ++round) {
    for (int k = 0; k < kLanes; ++k) {
      philox_round(w[0][k], w[1][k], w[2][k], w[3][k], key0 + round * kPhiloxWeyl0, key1 + round * kPhiloxWeyl1);
    }
  }
}

/// Calls `batch(words, values)` for each aligned batch of the stream that overlaps words [begin, end), and copies the
/// overlap to `y`.
template <class T, class Batch>
ENGRAM_ALWAYS_INLINE void fill_range(std::uint64_t seed, std::uint64_t begin, std::uint64_t end, T* y,
                                     const Batch& batch) {
  for (std::uint64_t at = begin / kBatch * kBatch; at < end; at += kBatch) {
    Words words;
    T values[kBatch];
    make_words(seed, at / 4, words);
    batch(words.word, values);
    const std::uint64_t from = std::max(at, begin), to = std::min(at + kBatch, end);
    std::copy(values + (from - at), values + (to - at), y + (from - begin));
  }
}

ENGRAM_MULTIVERSION void uniform_range(std::uint64_t seed, std::uint64_t begin, std::uint64_t end, float* y, float low,
                                       float width, float largest) {
  fill_range(
      seed, begin, end, y, [&](const auto& w, float* values) __attribute__((always_inline)) {
        for (int k = 0; k < kLanes; ++k)
          for (int j = 0; j < 4; ++j) {
            const float v = scaled_uniform(w[j][k], low, width);
            values[4 * k + j] = v < largest ? v : largest;
          }
      });
}

ENGRAM_MULTIVERSION void normal_range(std::uint64_t seed, std::uint64_t begin, std::uint64_t end, float* y, float mean,
                                      float deviation) {
  fill_range(
      seed, begin, end, y, [&](const auto& w, float* values) __attribute__((always_inline)) {
        float z[4][kLanes];
        for (int k = 0; k < kLanes; ++k) normal_pair(w[0][k], w[1][k], z[0][k], z[1][k]);
        for (int k = 0; k < kLanes; ++k) normal_pair(w[2][k], w[3][k], z[2][k], z[3][k]);
        for (int k = 0; k < kLanes; ++k)
          for (int j = 0; j < 4; ++j) values[4 * k + j] = std::fma(z[j][k], deviation, mean);
      });
}

ENGRAM_MULTIVERSION void bernoulli_range(std::uint64_t seed, std::uint64_t begin, std::uint64_t end, float* y,
                                         std::uint64_t threshold, float value) {
  fill_range(
      seed, begin, end, y, [&](const auto& w, float* values) __attribute__((always_inline)) {
        for (int k = 0; k < kLanes; ++k)
          for (int j = 0; j < 4; ++j) values[4 * k + j] = w[j][k] < threshold ? value : 0.f;
      });
}

ENGRAM_MULTIVERSION void integers_range(std::uint64_t seed, std::uint64_t begin, std::uint64_t end, std::int32_t* y,
                                        std::int32_t low, std::uint32_t range) {
  fill_range(
      seed, begin, end, y, [&](const auto& w, std::int32_t* values) __attribute__((always_inline)) {
        for (int k = 0; k < kLanes; ++k)
          for (int j = 0; j < 4; ++j) values[4 * k + j] = bounded_integer(w[j][k], low, range);
      });
}

/// Calls `body(first word, end word, first value)` in parallel.
template <class Body>
void for_chunks(RandomStream stream, dim_t count, const Body& body) {
  const std::uint64_t position = stream.position();
  parallel_chunks(count, kChunk, [&](dim_t begin, dim_t end, dim_t) {
    body(position + std::uint64_t(begin), position + std::uint64_t(end), begin);
  });
}

void uniform(Stream, const UniformArgs& a) {
  const float largest = a.low < a.high ? std::nextafter(a.high, a.low) : a.low;
  for_chunks(a.stream, a.count, [&](std::uint64_t begin, std::uint64_t end, dim_t at) {
    uniform_range(a.stream.seed, begin, end, a.y + at, a.low, a.high - a.low, largest);
  });
}

void normal(Stream, const NormalArgs& a) {
  for_chunks(a.stream, a.count, [&](std::uint64_t begin, std::uint64_t end, dim_t at) {
    normal_range(a.stream.seed, begin, end, a.y + at, a.mean, a.deviation);
  });
}

void bernoulli(Stream, const BernoulliArgs& a) {
  const auto threshold = std::uint64_t(std::llround(std::min(1.0, std::max(0.0, a.probability)) * 4294967296.0));
  for_chunks(a.stream, a.count, [&](std::uint64_t begin, std::uint64_t end, dim_t at) {
    bernoulli_range(a.stream.seed, begin, end, a.y + at, threshold, a.value);
  });
}

void integers(Stream, const RandomIntegersArgs& a) {
  for_chunks(a.stream, a.count, [&](std::uint64_t begin, std::uint64_t end, dim_t at) {
    integers_range(a.stream.seed, begin, end, a.y + at, a.low, a.range);
  });
}

}  // namespace

Cost random_cost(dim_t count) {
  return {0, count * 4, 0};
}

void random_permutation(RandomStream stream, std::int32_t* y, dim_t count) {
  for (dim_t i = 0; i < count; ++i) y[i] = std::int32_t(i);
  for (dim_t i = count - 1; i > 0; --i) {
    const std::uint32_t word = philox_word(stream.seed, stream.position() + std::uint64_t(i));
    std::swap(y[i], y[bounded_integer(word, 0, std::uint32_t(i + 1))]);
  }
}

const RandomKernels kCpuRandom = {uniform, normal, bernoulli, integers};

}  // namespace engram::kernels
