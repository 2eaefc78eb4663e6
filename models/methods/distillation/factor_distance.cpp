#include "models/methods/distillation/factor_distance.h"

#include <cmath>

#include "engine/ops/normalized_distance.h"

namespace engram {
namespace {

/// (mean |d|^p)^(1/p) with gradient 0 where every d is 0.
Tensor mean_power(const Tensor& d, double p) {
  if (p == 1) return mean(abs(d));
  // A norm has gradient 0 at 0, where a root of a mean has none.
  if (p == 2) return norm(d) * float(1 / std::sqrt(double(d.numel())));
  const Tensor powers = mean(pow(abs(d), float(p)));
  return pow(powers, float(1 / p));
}

Tensor cosines(const Tensor& a, const Tensor& b) {
  return sum(unit_rows(a) * unit_rows(b.detach()), {1});
}

}  // namespace

Tensor factor_distance(const Tensor& a, const Tensor& b, double p) {
  if (p == 1 || p == 2) return normalized_distance(a, b, int(p));
  return mean_power(unit_rows(a) - unit_rows(b.detach()), p);
}

Tensor cosine_distance(const Tensor& a, const Tensor& b, bool opposite) {
  if (opposite) return mean(abs(cosines(a, b)));
  return 1.f - mean(cosines(a, b));
}

Tensor reconstruction_distance(const Tensor& a, const Tensor& b, double p) {
  return mean_power(flatten(a, 0) - flatten(b.detach(), 0), p);
}

FactorDistance::FactorDistance(const char* term, const std::string& name) {
  if (name != "l1" && name != "l2" && name != "cosine")
    throw UsageError(message("[", term, "] expected the distance l1, l2 or cosine, got ", name));
  p_ = name == "l1" ? 1 : name == "l2" ? 2 : 0;
}

Tensor FactorDistance::inherit(const Tensor& a, const Tensor& b) const {
  return p_ == 0 ? cosine_distance(a, b) : factor_distance(a, b, p_);
}

Tensor FactorDistance::explore(const Tensor& a, const Tensor& b) const {
  return p_ == 0 ? cosine_distance(a, b, true) : neg(factor_distance(a, b, p_));
}

}  // namespace engram
