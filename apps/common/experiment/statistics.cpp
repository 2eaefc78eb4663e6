#include "apps/common/experiment/statistics.h"

#include <cmath>
#include <limits>

namespace engram::apps {
namespace {

/// The continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes, 6.4).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kEnough = 1e-15;
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m < 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (double term : {even, odd}) {
      d = 1 / away_from_zero(1 + term * d);
      c = away_from_zero(1 + term / c);
      step = c * d;
      value *= step;
    }
    if (std::abs(step - 1) < kEnough) break;
  }
  return value;
}

/// The regularised incomplete beta function I_x(a, b), x in [0, 1].
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on the side of the mean that is taken here.
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// The t that |T| exceeds with probability 0.05.
double student_quantile(double freedom) {
  double low = 0, high = 1e4;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (student_two_sided(middle, freedom) > 0.05 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double standard_error(std::span<const double> values, double mean) {
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  const double n = double(values.size());
  return std::sqrt(squares / (n - 1) / n);
}

double mean_of(std::span<const double> values) {
  double total = 0;
  for (double v : values) total += v;
  return values.empty() ? 0 : total / double(values.size());
}

}  // namespace

double student_two_sided(double t, double freedom) {
  return incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t));
}

MeanInterval mean_interval(std::span<const double> values) {
  MeanInterval result{int(values.size()), mean_of(values), std::numeric_limits<double>::infinity()};
  if (values.size() >= 2)
    result.half_width = student_quantile(double(values.size() - 1)) * standard_error(values, result.mean);
  return result;
}

PairedTest paired_test(std::span<const double> differences) {
  PairedTest result{mean_interval(differences), 1};
  if (differences.size() < 2) return result;
  const double error = standard_error(differences, result.difference.mean);
  if (error > 0)
    result.p = student_two_sided(result.difference.mean / error, double(differences.size() - 1));
  else
    result.p = result.difference.mean == 0 ? 1 : 0;
  return result;
}

}  // namespace engram::apps
