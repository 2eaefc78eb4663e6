#include "models/genes/selective_interval.h"

#include <algorithm>
#include <cmath>

#include "models/survival/probability.h"

namespace engram::genes {
namespace {

/// Integral of exp(-x^2 / 2) P(listed | mean + x) over [from, to] by Simpson's rule.
double listed_mass(double mean, double from, double to, const ListingLaw& law) {
  constexpr int kIntervals = 200;
  const double step = (to - from) / kIntervals;
  double sum = 0;
  for (int k = 0; k <= kIntervals; ++k) {
    const double x = from + k * step, weight = k == 0 || k == kIntervals ? 1 : k % 2 == 1 ? 4 : 2;
    sum += weight * std::exp(-0.5 * x * x) * law.probability(mean + x);
  }
  return sum * step / 3;
}

/// P(Z <= z | Z listed, |Z - mean| < reach); falls with the mean.
double conditional_cdf(double z, double mean, const ListingLaw& law, double reach) {
  const double split = std::clamp(z - mean, -reach, reach);
  const double below = listed_mass(mean, -reach, split, law), above = listed_mass(mean, split, reach, law);
  return below + above > 0 ? below / (below + above) : 1;  // a z that is never listed: the mean is above all of these
}

double mean_at(double cdf, double z, const ListingLaw& law, double reach) {
  constexpr int kHalvings = 30;
  double low = z - reach, high = z + reach;
  for (int step = 0; step < kHalvings; ++step) {
    const double middle = 0.5 * (low + high);
    (conditional_cdf(z, middle, law, reach) > cdf ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

SelectiveInterval selective_interval(double z, const ListingLaw& law, double reach, double level) {
  const double outside = 0.5 * (1 - level / (1 - kSimultaneous));
  return {mean_at(0.5, z, law, reach), mean_at(1 - outside, z, law, reach), mean_at(outside, z, law, reach)};
}

double simultaneous_reach(double candidates) {
  return survival::normal_quantile(1 - kSimultaneous / (2 * std::max(1.0, candidates)));
}

}  // namespace engram::genes
