#include "models/methods/ood/miro_penalty.h"

#include <cmath>

#include "engine/ops.h"

namespace engram {

Tensor miro_penalty(const Tensor& maps, const Tensor& pretrained, const Tensor& b, double eps) {
  // softplus without overflow: max(b, 0) + log(1 + exp(-|b|)).
  const Tensor softplus = relu(b) + log(1.f + exp(neg(abs(b))));
  const Tensor s = float(eps) + softplus;
  return 0.5f * mean(square(maps - pretrained.detach()) / s + log(s));
}

double miro_start(double eps) {
  return std::log(std::expm1(0.1 - eps));
}

}  // namespace engram
