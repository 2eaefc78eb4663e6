#include "models/genes/listing_law.h"

#include <cmath>
#include <utility>

#include "models/survival/probability.h"

namespace engram::genes {
namespace {

constexpr double kThresholds[2] = {-3, 12};                        // where the threshold is looked for
constexpr double kLogSoftness[2] = {-2.302585093, 1.609437912};    // 0.1 to 5
constexpr double kGolden = 0.6180339887498949, kPrecision = 1e-4;  // of a golden-section search

double log_normal_cdf(double x) {
  return x > 0 ? std::log(survival::normal_cdf(x)) : survival::log10_p_normal(x) * M_LN10 - M_LN2;
}

double log_likelihood(std::span<const double> listed, double threshold, double log_softness) {
  const double softness = std::exp(log_softness);
  double sum = -0.5 * log_softness * log_softness;
  for (const double z : listed) sum += log_normal_cdf((z - threshold) / softness);
  return sum - double(listed.size()) * log_normal_cdf(-threshold / std::hypot(1, softness));
}

/// Argument and value of the maximum of a function with one maximum between two bounds.
template <class Function>
std::pair<double, double> maximum(const double bounds[2], const Function& function) {
  double low = bounds[0], high = bounds[1];
  double left = high - kGolden * (high - low), right = low + kGolden * (high - low);
  double at_left = function(left), at_right = function(right);
  while (high - low > kPrecision) {
    if (at_left < at_right) {
      low = left;
      left = right;
      at_left = at_right;
      right = low + kGolden * (high - low);
      at_right = function(right);
    } else {
      high = right;
      right = left;
      at_right = at_left;
      left = high - kGolden * (high - low);
      at_left = function(left);
    }
  }
  return {0.5 * (low + high), std::max(at_left, at_right)};
}

}  // namespace

double ListingLaw::probability(double z) const {
  return selective ? survival::normal_cdf((z - threshold) / softness) : 1;
}

ListingLaw fit_listing_law(std::span<const double> listed) {
  if (listed.size() < kFewestListed) return {};
  const auto best_threshold = [&](double log_softness) {
    return maximum(kThresholds, [&](double threshold) { return log_likelihood(listed, threshold, log_softness); });
  };
  const double log_softness =
      maximum(kLogSoftness, [&](double candidate) { return best_threshold(candidate).second; }).first;
  return {best_threshold(log_softness).first, std::exp(log_softness), true};
}

}  // namespace engram::genes
