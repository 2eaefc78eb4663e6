#pragma once
/// Random fills from the Philox stream of a seed. Value i takes word offset + i of the stream (normal values take the
/// aligned pair of words that holds it), so it depends on (seed, offset + i) only: not on threads, chunks or the back
/// end, to the bit.

#include "kernels/common/cost.h"
#include "kernels/common/inline.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A place in a stream: the fill takes words position .. position + count - 1, position = offset + *base (modulo 2^64).
/// `base`, in the back end's memory, is read by the fill itself, so that a captured fill draws anew each time it is
/// replayed; null stands for 0.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t offset = 0;
  const std::uint64_t* base = nullptr;

  /// Where `base` can be read.
  ENGRAM_HOST_DEVICE std::uint64_t position() const { return base ? offset + *base : offset; }
};

/// y uniform in [low, high): a multiple of 2^-24 of the width above low, never high itself.
struct UniformArgs {
  float* y;
  dim_t count;
  RandomStream stream;
  float low = 0, high = 1;
};

/// y normal with the given mean and standard deviation, by Box and Muller; at most 6.8 deviations from the mean.
struct NormalArgs {
  float* y;
  dim_t count;
  RandomStream stream;
  float mean = 0, deviation = 1;
};

/// y = value with the probability (a multiple of 2^-32), else 0: a dropout mask has probability 1 - p, value 1 / (1 -
/// p).
struct BernoulliArgs {
  float* y;
  dim_t count;
  RandomStream stream;
  double probability;
  float value = 1;
};

/// y uniform on the integers low .. low + range - 1 (uneven by at most range / 2^32), range >= 1.
struct RandomIntegersArgs {
  std::int32_t* y;
  dim_t count;
  RandomStream stream;
  std::int32_t low;
  std::uint32_t range;
};

/// Entry points of one back end.
struct RandomKernels {
  void (*uniform)(Stream, const UniformArgs&);
  void (*normal)(Stream, const NormalArgs&);
  void (*bernoulli)(Stream, const BernoulliArgs&);
  void (*integers)(Stream, const RandomIntegersArgs&);
};

/// Output written; the words count as no operations.
Cost random_cost(dim_t count);

/// Writes a permutation of 0 .. count - 1 to host memory (Fisher and Yates, from the top), words offset .. offset +
/// count - 1.
void random_permutation(RandomStream stream, std::int32_t* y, dim_t count);

/// The CPU back end.
extern const RandomKernels kCpuRandom;
/// The CUDA back end; defined where its kernels are linked.
extern const RandomKernels kCudaRandom;

/// One value at a time from philox_word, in double where there is arithmetic: the oracle of the tests.
namespace reference {
double uniform(RandomStream stream, dim_t i, double low, double high);
double normal(RandomStream stream, dim_t i, double mean, double deviation);
std::int32_t integer(RandomStream stream, dim_t i, std::int32_t low, std::uint32_t range);
}  // namespace reference

}  // namespace engram::kernels
