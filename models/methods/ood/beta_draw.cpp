#include "models/methods/ood/beta_draw.h"

#include <cmath>
#include <numbers>

namespace engram {
namespace {

/// Uniform in (0, 1].
double positive(Generator& generator) {
  return 1 - double(generator.number());
}

double normal_draw(Generator& generator) {
  const double radius = std::sqrt(-2 * std::log(positive(generator)));
  return radius * std::cos(2 * std::numbers::pi * double(generator.number()));
}

/// The logarithm of a gamma variable of this shape: the variable itself may be too small for a double.
double log_gamma_draw(Generator& generator, double shape) {
  if (shape < 1) return log_gamma_draw(generator, shape + 1) + std::log(positive(generator)) / shape;
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal_draw(generator), v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    if (std::log(positive(generator)) < x * x / 2 + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

}  // namespace

double beta_draw(Generator& generator, double a, double b) {
  const double x = log_gamma_draw(generator, a), y = log_gamma_draw(generator, b);
  return 1 / (1 + std::exp(y - x));
}

}  // namespace engram
