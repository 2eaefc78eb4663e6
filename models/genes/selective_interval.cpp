#include "models/genes/selective_interval.h"

#include <algorithm>
#include <cmath>

#include "models/survival/probability.h"

namespace engram::genes {
namespace {

/// A z below the threshold was chosen by another; it is taken to be as much above that.
constexpr double kUnknownExcess = 0.1;

/// P(Z > x) without cancellation.
double upper_tail(double x) {
  return 0.5 * std::erfc(x * M_SQRT1_2);
}

/// P(a < Z < b), a <= b.
double between(double a, double b) {
  return a > 0 ? upper_tail(a) - upper_tail(b) : upper_tail(-b) - upper_tail(-a);
}

/// P(Z <= z | Z > threshold, |Z - mean| < reach); falls with the mean.
double conditional_cdf(double z, double mean, double threshold, double reach) {
  const double begin = std::max(threshold - mean, -reach);
  if (z - mean <= begin) return 0;
  const double all = between(begin, reach);
  return all > 0 ? std::min(1.0, between(begin, std::min(z - mean, reach)) / all) : 1;
}

double mean_at(double cdf, double z, double threshold, double reach) {
  double low = z - reach, high = z + reach;
  for (int step = 0; step < 100; ++step) {
    const double middle = 0.5 * (low + high);
    (conditional_cdf(z, middle, threshold, reach) > cdf ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace

SelectiveInterval selective_interval(double z, double threshold, double reach, double level) {
  const double from = z > threshold ? threshold : z - kUnknownExcess;
  const double outside = 0.5 * (1 - level / (1 - kSimultaneous));
  return {mean_at(0.5, z, from, reach), mean_at(1 - outside, z, from, reach), mean_at(outside, z, from, reach)};
}

double simultaneous_reach(double candidates) {
  return survival::normal_quantile(1 - kSimultaneous / (2 * std::max(1.0, candidates)));
}

}  // namespace engram::genes
