#include <cmath>

#include "kernels/common/philox.h"
#include "kernels/random/random.h"

namespace engram::kernels::reference {

double uniform(RandomStream stream, dim_t i, double low, double high) {
  const std::uint32_t word = philox_word(stream.seed, stream.position() + std::uint64_t(i));
  return low + (high - low) * double(word >> 8) / double(1 << 24);
}

double normal(RandomStream stream, dim_t i, double mean, double deviation) {
  const std::uint64_t position = stream.position() + std::uint64_t(i), pair = position - position % 2;
  const double u = (double(philox_word(stream.seed, pair)) + 0.5) / 4294967296.0;
  const double angle = 2 * M_PI * double(philox_word(stream.seed, pair + 1)) / 4294967296.0;
  const double radius = std::sqrt(-2 * std::log(u));
  return mean + deviation * radius * (position % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

std::int32_t integer(RandomStream stream, dim_t i, std::int32_t low, std::uint32_t range) {
  const std::uint64_t word = philox_word(stream.seed, stream.position() + std::uint64_t(i));
  return static_cast<std::int32_t>(low + static_cast<std::int64_t>(word * range >> 32));
}

}  // namespace engram::kernels::reference
