#include "apps/common/chart_axis.h"

#include <algorithm>
#include <cmath>

#include "apps/common/html.h"

namespace engram::apps {
namespace {

// Beyond these, differences and powers of ten would leave the range of double.
constexpr double kLargest = 1e300, kSmallest = 1e-300;

/// 1, 2 or 5 times a power of ten, so that between 3 and 7 steps make `span`.
double round_step(double span) {
  const double rough = span / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;  // in [1, 10)
  return power * (lead < 1.5 ? 1 : lead < 3.2 ? 2 : lead < 7.1 ? 5 : 10);
}

}  // namespace

ChartAxis ChartAxis::linear(double low, double high, double margin) {
  low = std::clamp(low, -kLargest, kLargest);
  high = std::clamp(high, low, kLargest);
  const double magnitude = std::max(std::abs(low), std::abs(high));
  // A constant gets room of its own size; neighbouring doubles could not be labelled apart.
  if (high - low <= 1e-6 * magnitude || magnitude < kSmallest) {
    const double room = magnitude < kSmallest ? 1 : 0.1 * magnitude;
    return ChartAxis(low - room, high + room, false);
  }
  const double room = margin * (high - low);
  return ChartAxis(low - room, high + room, false);
}

ChartAxis ChartAxis::logarithmic(double low, double high) {
  const double bottom = std::log10(std::clamp(low, kSmallest, kLargest));
  const double top = std::log10(std::clamp(high, kSmallest, kLargest));
  const double room = std::max(0.03 * (top - bottom), 0.01);
  return ChartAxis(bottom - room, top + room, true);
}

double ChartAxis::position(double value) const {
  const double v = log_ ? std::log10(std::max(value, kSmallest)) : std::clamp(value, -kLargest, kLargest);
  return (v - low_) / (high_ - low_);
}

std::vector<AxisTick> ChartAxis::ticks() const {
  return log_ ? log_ticks() : linear_ticks();
}

std::string ChartAxis::label(double value, int digits) const {
  return percent_ ? number_text(100 * value, digits) + " %" : number_text(value, digits);
}

std::vector<AxisTick> ChartAxis::linear_ticks() const {
  const double step = round_step(high_ - low_);
  const double magnitude = std::max(std::abs(low_), std::abs(high_));
  // As many digits as tell neighbouring marks apart.
  const int digits = std::clamp(static_cast<int>(std::ceil(std::log10(magnitude / step))) + 1, 6, 12);
  std::vector<AxisTick> ticks;
  const double last = std::floor(high_ / step + 1e-9);
  for (double k = std::ceil(low_ / step - 1e-9); k <= last && ticks.size() < 12; ++k) {
    const double value = k == 0 ? 0 : k * step;
    ticks.push_back({position(value), label(value, digits)});
  }
  return ticks;
}

std::vector<AxisTick> ChartAxis::log_ticks() const {
  const double decades = high_ - low_;
  // Every n-th power of ten, and where there are few of them also 2 and 5 times a power.
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 7)));
  const std::vector<double> factors = decades < 2.5 ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  std::vector<AxisTick> ticks;
  for (int exponent = static_cast<int>(std::floor(low_)); exponent <= high_; ++exponent) {
    if (exponent % stride != 0) continue;
    for (double factor : factors) {
      const double at = exponent + std::log10(factor);
      if (at < low_ || at > high_) continue;
      ticks.push_back({(at - low_) / decades, label(factor * std::pow(10.0, exponent), 4)});
    }
  }
  return ticks;
}

}  // namespace engram::apps
