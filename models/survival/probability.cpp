#include "models/survival/probability.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "kernels/common/error.h"

namespace engram::survival {
namespace {

/// ln Q(a, x), the regularised upper incomplete gamma function, x >= a + 1, by its continued fraction (Abramowitz and
/// Stegun 6.5.31, in the even form; evaluated by Lentz's method).
double log_gamma_q_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, fraction = d;
  for (int i = 1; i <= 10000; ++i) {
    const double numerator = -i * (i - a);
    b += 2;
    d = numerator * d + b;
    if (std::abs(d) < kTiny) d = kTiny;
    c = b + numerator / c;
    if (std::abs(c) < kTiny) c = kTiny;
    d = 1 / d;
    const double factor = d * c;
    fraction *= factor;
    if (std::abs(factor - 1) < 1e-16) break;
  }
  return -x + a * std::log(x) - std::lgamma(a) + std::log(fraction);
}

/// P(a, x), the lower function, x < a + 1, by its series (Abramowitz and Stegun 6.5.29).
double gamma_p_series(double a, double x) {
  double term = 1 / a, sum = term;
  for (int i = 1; i <= 10000; ++i) {
    term *= x / (a + i);
    sum += term;
    if (term < sum * 1e-17) break;
  }
  return sum * std::exp(-x + a * std::log(x) - std::lgamma(a));
}

}  // namespace

double log10_p_chi_square(double statistic, double df) {
  if (!(df > 0)) throw UsageError(message("[chi-square] expected degrees of freedom above 0, got ", df));
  if (std::isnan(statistic)) return statistic;
  if (statistic <= 0) return 0;
  if (std::isinf(statistic)) return -std::numeric_limits<double>::infinity();
  const double a = df / 2, x = statistic / 2;
  if (x < a + 1) return std::log1p(-gamma_p_series(a, x)) / std::numbers::ln10;
  return log_gamma_q_fraction(a, x) / std::numbers::ln10;
}

double log10_p_normal(double z) {
  if (std::isnan(z)) return z;
  z = std::abs(z);
  // erfc keeps its relative precision down to 1e-300, and above that its continued fraction is that of the chi-square.
  if (z < 35) return std::log10(std::erfc(z / std::numbers::sqrt2));
  return log10_p_chi_square(z * z, 1);
}

double normal_cdf(double z) {
  return std::erfc(-z / std::numbers::sqrt2) / 2;
}

double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) throw UsageError(message("[normal quantile] expected a probability in (0, 1), got ", p));
  if (p > 0.5) return -normal_quantile(1 - p);
  if (p == 0.5) return 0;
  // Start from the leading terms of the tail's asymptotic expansion, then Newton steps on log Phi, which is concave.
  const double t = -2 * std::log(p);
  double z = p < 0.1 ? -std::sqrt(std::max(0., t - std::log(2 * std::numbers::pi * std::max(t, 1.)))) : -0.8;
  for (int i = 0; i < 100; ++i) {
    const double cdf = normal_cdf(z);
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    const double step = std::log(cdf / p) * cdf / density;
    z -= step;
    if (std::abs(step) <= 1e-15 * std::abs(z)) break;
  }
  return z;
}

WaldTests wald_tests(std::span<const double> estimate, std::span<const double> covariance,
                     std::span<const std::uint8_t> aliased) {
  const std::size_t n = estimate.size();
  WaldTests tests{std::vector<double>(n, 0.), std::vector<double>(n, 0.), std::vector<double>(n, 0.)};
  for (std::size_t j = 0; j < n; ++j) {
    const double variance = covariance[j * n + j];
    if (aliased[j] || !(variance > 0)) continue;
    tests.standard_error[j] = std::sqrt(variance);
    tests.z[j] = estimate[j] / tests.standard_error[j];
    tests.log10_p[j] = log10_p_normal(tests.z[j]);
  }
  return tests;
}

std::vector<double> bonferroni(std::span<const double> log10_p) {
  const auto tests = std::count_if(log10_p.begin(), log10_p.end(), [](double p) { return !std::isnan(p); });
  std::vector<double> adjusted(log10_p.begin(), log10_p.end());
  for (double& p : adjusted) {
    if (!std::isnan(p)) p = std::min(0., p + std::log10(double(tests)));
  }
  return adjusted;
}

std::vector<double> benjamini_hochberg(std::span<const double> log10_p) {
  std::vector<dim_t> order;
  for (std::size_t i = 0; i < log10_p.size(); ++i) {
    if (!std::isnan(log10_p[i])) order.push_back(dim_t(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) { return log10_p[a] < log10_p[b]; });
  std::vector<double> adjusted(log10_p.begin(), log10_p.end());
  const double tests = double(order.size());
  double smallest = 0;
  for (std::size_t rank = order.size(); rank >= 1; --rank) {
    const dim_t i = order[rank - 1];
    smallest = std::min(smallest, log10_p[i] + std::log10(tests / double(rank)));
    adjusted[i] = smallest;
  }
  return adjusted;
}

}  // namespace engram::survival
