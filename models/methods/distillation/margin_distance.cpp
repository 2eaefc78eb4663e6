#include "models/methods/distillation/margin_distance.h"

#include <cmath>
#include <numbers>

#include "engine/autograd.h"

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

Tensor margin_distance(const Tensor& student, const Tensor& teacher, const Tensor& margins) {
  const Tensor target = maximum(teacher.detach(), margins);
  const Tensor counted = [&] {
    const NoGradGuard no_grad;
    const Tensor zero = Tensor::zeros({1, 1, 1, 1}, target.device());
    return maximum(greater(student.detach(), target), greater(target, zero));
  }();
  return sum(square(student - target) * counted);
}

}  // namespace engram
