#include "models/methods/ood/risk_quantile.h"

#include <cmath>
#include <numbers>

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

constexpr int kHalvings = 26;  // beyond what f32 can tell apart

/// Phi^-1(p) by bisection of erfc, on the host.
double normal_quantile(double p) {
  double low = -40, high = 40;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

/// Phi(t), with an error below 1e-7 (Abramowitz and Stegun, 7.1.26).
Tensor normal_distribution(const Tensor& t) {
  const Tensor x = float(1 / std::numbers::sqrt2) * abs(t), u = pow(1.f + 0.3275911f * x, -1.f);
  const Tensor series =
      u * (0.254829592f + u * (-0.284496736f + u * (1.421413741f + u * (-1.453152027f + 1.061405429f * u))));
  const Tensor tail = 0.5f * series * exp(neg(square(x)));
  const Tensor positive = greater(t, Tensor::zeros({1}, t.device()));
  return positive + (1.f + -2.f * positive) * tail;
}

struct Root {
  Tensor value, fraction;  // [1]
};

/// Where the mean of Phi((x - R) / h) is `quantile`, between the ends low and high.
Root bisect(const Tensor& risks, const Tensor& h, const Tensor& low, const Tensor& high, double quantile) {
  const Tensor target = Tensor::full({1}, float(quantile), risks.device());
  Tensor fraction = Tensor::zeros({1}, risks.device());
  double width = 1;
  for (int i = 0; i < kHalvings; ++i) {
    width /= 2;
    const Tensor middle = low + (float(width) + fraction) * (high - low);
    const Tensor below = greater(target, mean(normal_distribution((middle - risks) / h), {0}, true));
    fraction = fraction + float(width) * below;
  }
  return {low + fraction * (high - low), fraction};
}

/// 1 at the position that argmin or argmax found.
Tensor at(const Tensor& position, dim_t count) {
  return reshape(one_hot(reshape(position, {1}), count), {count});
}

}  // namespace

Tensor risk_bandwidth(const Tensor& risks) {
  return float(1.06 * std::pow(double(risks.dim(0)), -0.2)) * sqrt(var(risks, {0}, true, 1));
}

Tensor risk_quantile(const Tensor& risks, double quantile, QuantileGradient gradient) {
  const dim_t count = risks.dim(0);
  if (count < 2) throw UsageError(message("[eqrm] expected at least 2 environments, got ", count));
  if (!(quantile < 1) || quantile == 0)
    throw UsageError(message("[eqrm] expected a quantile in (0,1), or a negative logarithm, got ", quantile));
  const Tensor bandwidth = risk_bandwidth(risks);
  if (quantile < 0) return sum(mean(risks, {0}, true) + float(std::sqrt(-2 * quantile)) * bandwidth);

  Tensor value, slopes;
  {
    const NoGradGuard no_grad;
    const Tensor r = risks.detach(), h = bandwidth.detach();
    const double u = normal_quantile(quantile);
    const Root root = bisect(r, h, min(r, {0}, true) + float(u) * h, max(r, {0}, true) + float(u) * h, quantile);
    value = root.value;
    // dh/dR_e = c^2 (R_e - mean) / ((E - 1) h) for h = c std.
    const double c = 1.06 * std::pow(double(count), -0.2);
    const Tensor widening = float(c * c / double(count - 1)) * (r - mean(r, {0}, true)) / h;
    if (gradient == QuantileGradient::kReleased) {
      slopes = (1.f + neg(root.fraction)) * at(argmin(r), count) + root.fraction * at(argmax(r), count) +
               float(u) * widening;
    } else {
      const Tensor t = (value - r) / h, density = exp(-0.5f * square(t)), weight = density / sum(density);
      slopes = weight + sum(weight * t) * widening;
    }
  }
  const Tensor linear = sum(slopes * risks);
  return linear + (sum(value) - linear.detach());
}

}  // namespace engram
