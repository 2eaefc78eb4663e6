#include "models/genes/portable_math.h"

#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>

#include "kernels/common/philox.h"

namespace engram::genes {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "intermediate results must be rounded to double");

// ln 2 in two parts: the first has 32 significant bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kPi = 0x1.921fb54442d18p+1;

/// 2^exponent for exponents of normal numbers.
double power_of_two(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

}  // namespace

double portable_log(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (mantissa > 1.4142135623730951) {
    mantissa = mantissa * 0.5;
    ++exponent;
  }
  // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172: the series to s^23.
  const double s = (mantissa - 1) / (mantissa + 1), square = s * s;
  double series = 0;
  for (int k = 23; k >= 3; k -= 2) series = (series + 1.0 / k) * square;
  const double log_mantissa = 2 * s + 2 * s * series;
  return exponent * kLn2High + (exponent * kLn2Low + log_mantissa);
}

double portable_exp(double x) {
  if (x < -708) return 0;
  if (x > 709) return std::numeric_limits<double>::infinity();
  // Adding 1.5 * 2^52 rounds to the nearest integer.
  constexpr double kRound = 0x1.8p52;
  const double n = (x * 1.4426950408889634 + kRound) - kRound;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double series = 1;
  for (int k = 15; k >= 1; --k) series = 1 + series * r / k;
  const int exponent = static_cast<int>(n);
  const int half = exponent / 2;
  return series * power_of_two(half) * power_of_two(exponent - half);
}

double portable_logistic(double x) {
  return 1 / (1 + portable_exp(-x));
}

double portable_normal_cdf(double x) {
  if (x < -38) return 0;
  if (x > 38) return 1;
  if (x < -7 || x > 7) {
    // The series would cancel; the tail by its continued fraction.
    const double a = x < 0 ? -x : x;
    double fraction = a;
    for (int k = 40; k >= 1; --k) fraction = a + k / fraction;
    const double tail = portable_exp(-0.5 * a * a) / (std::sqrt(2 * kPi) * fraction);
    return x < 0 ? tail : 1 - tail;
  }
  double sum = x, term = x, previous = 0;
  for (int k = 3; sum != previous; k += 2) {
    previous = sum;
    term = term * x * x / k;
    sum = sum + term;
  }
  return 0.5 + sum * (portable_exp(-0.5 * x * x) / std::sqrt(2 * kPi));
}

double portable_normal_quantile(double p) {
  double low = -7, high = 7;
  while (high - low > 1e-12) {
    const double middle = 0.5 * (low + high);
    (portable_normal_cdf(middle) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

PurposeStream::PurposeStream(std::uint64_t seed, const char* purpose) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a of the name
  for (const char* c = purpose; *c; ++c) hash = (hash ^ static_cast<unsigned char>(*c)) * 0x100000001B3;
  // One block of the seed's own key space mixes both; its last counter word keeps it apart from what streams draw.
  const kernels::PhiloxBlock counter = {
      {static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32), 0, 0x47454E45}};
  const auto block =
      kernels::philox4x32_10(counter, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
  seed_ = block.word[0] | std::uint64_t{block.word[1]} << 32;
}

std::uint32_t PurposeStream::Item::word() {
  if (position_ % 4 == 0) {
    const kernels::PhiloxBlock block = kernels::philox_block(seed_, first_block_ + position_ / 4);
    for (int i = 0; i < 4; ++i) words_[i] = block.word[i];
  }
  return words_[position_++ % 4];
}

double PurposeStream::Item::uniform() {
  const std::uint64_t high = word(), low = word();
  return (static_cast<double>((high << 32 | low) >> 12) + 0.5) * 0x1p-52;
}

double PurposeStream::Item::normal() {
  for (;;) {
    const double u = 2 * uniform() - 1, v = 2 * uniform() - 1;
    const double square = u * u + v * v;
    if (square < 1 && square > 0) return u * std::sqrt(-2 * portable_log(square) / square);
  }
}

double PurposeStream::Item::exponential() {
  return -portable_log(uniform());
}

double PurposeStream::Item::gamma(double shape) {
  if (shape < 1) {
    const double boost = portable_exp(portable_log(uniform()) / shape);
    return gamma(shape + 1) * boost;
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (portable_log(uniform()) < 0.5 * x * x + d - d * v + d * portable_log(v)) return d * v;
  }
}

double PurposeStream::Item::beta(double a, double b) {
  const double x = gamma(a), y = gamma(b);
  return x / (x + y);
}

double PurposeStream::Item::logistic() {
  const double u = uniform();
  return portable_log(u / (1 - u)) * (std::sqrt(3.0) / kPi);
}

std::uint32_t PurposeStream::Item::integer(std::uint32_t range) {
  return static_cast<std::uint32_t>(std::uint64_t{word()} * range >> 32);
}

}  // namespace engram::genes
