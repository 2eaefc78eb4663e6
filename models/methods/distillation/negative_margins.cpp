#include "models/methods/distillation/negative_margins.h"

#include <cmath>
#include <numbers>

namespace engram {

Tensor negative_margins(const BatchNorm2d& bn) {
  const std::vector<float> weights = bn.weight.to_vector(), biases = bn.bias.to_vector();
  std::vector<float> margins;
  for (std::size_t c = 0; c < weights.size(); ++c) {
    const double s = std::abs(double(weights[c])), b = biases[c];
    const double below = 0.5 * std::erfc(b / s / std::numbers::sqrt2);
    const double density = std::exp(-(b / s) * (b / s) / 2) / std::sqrt(2 * std::numbers::pi);
    margins.push_back(float(below > 0.001 ? b - s * density / below : -3 * s));
  }
  return Tensor::from(margins, {1, dim_t(margins.size()), 1, 1}, bn.weight.device());
}

}  // namespace engram
