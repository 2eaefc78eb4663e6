#include "models/genes/listing_law.h"

#include <algorithm>
#include <cmath>

#include "models/survival/probability.h"

namespace engram::genes {
namespace {

constexpr double kLeastSlope = 0.2, kLargestSlope = 10;  // of the softness 5 and 0.1
constexpr double kLastStep = 1e-6;                       // of the slope's and the intercept's last step
constexpr int kNewtonSteps = 50, kNewtonHalvings = 20;

double log_normal_cdf(double x) {
  return x > 0 ? std::log(survival::normal_cdf(x)) : survival::log10_p_normal(x) * M_LN10 - M_LN2;
}

/// P(listed | z) = Phi(intercept + slope z).
struct Probit {
  double intercept = 0, slope = 1;
};

/// Log posterior with its gradient and minus its second derivatives.
struct PosteriorPoint {
  double value = 0, gradient[2] = {}, information[3] = {};  // information: aa, ab, bb
};

PosteriorPoint posterior(const ListingDraws& draws, const Probit& at) {
  PosteriorPoint d;
  const double from_prior = at.slope - 1;
  d.value = -0.5 * from_prior * from_prior;
  d.gradient[1] = -from_prior;
  d.information[2] = 1;
  const double log_density = -0.5 * std::log(2 * M_PI);
  for (std::size_t i = 0; i < draws.z.size(); ++i) {
    const double z = draws.z[i], sign = draws.listed[i] ? 1 : -1, x = sign * (at.intercept + at.slope * z);
    const double log_probability = log_normal_cdf(x), ratio = std::exp(log_density - 0.5 * x * x - log_probability);
    const double curvature = ratio * (ratio + x);
    d.value += log_probability;
    d.gradient[0] += sign * ratio;
    d.gradient[1] += sign * ratio * z;
    d.information[0] += curvature;
    d.information[1] += curvature * z;
    d.information[2] += curvature * z * z;
  }
  return d;
}

/// Newton's method: the posterior is concave.
Probit most_likely(const ListingDraws& draws, double share) {
  Probit at{survival::normal_quantile(share), 1};
  PosteriorPoint d = posterior(draws, at);
  for (int step = 0; step < kNewtonSteps; ++step) {
    const double* const i = d.information;
    const double determinant = i[0] * i[2] - i[1] * i[1];
    if (!(determinant > 0)) break;
    double change[2] = {(i[2] * d.gradient[0] - i[1] * d.gradient[1]) / determinant,
                        (i[0] * d.gradient[1] - i[1] * d.gradient[0]) / determinant};
    Probit next{at.intercept + change[0], at.slope + change[1]};
    PosteriorPoint there = posterior(draws, next);
    for (int halving = 0; halving < kNewtonHalvings && !(there.value >= d.value); ++halving) {
      for (double& c : change) c /= 2;
      next = {at.intercept + change[0], at.slope + change[1]};
      there = posterior(draws, next);
    }
    if (!(there.value >= d.value)) break;
    at = next;
    d = there;
    if (std::abs(change[0]) + std::abs(change[1]) < kLastStep) break;
  }
  return at;
}

}  // namespace

double ListingLaw::probability(double z) const {
  return selective ? survival::normal_cdf((z - threshold) / softness) : 1;
}

ListingLaw fit_listing_law(const ListingDraws& draws) {
  const auto listed = std::ranges::count(draws.listed, 1);
  if (listed < kFewestListed) return {0, 1, false, false};
  if (std::size_t(listed) == draws.z.size()) return {};
  const Probit law = most_likely(draws, double(listed) / double(draws.z.size()));
  const double slope = std::clamp(law.slope, kLeastSlope, kLargestSlope);
  return {-law.intercept / slope, 1 / slope, true};
}

}  // namespace engram::genes
