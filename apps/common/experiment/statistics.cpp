#include "apps/common/experiment/statistics.h"

#include <cmath>
#include <limits>
#include <unsupported/Eigen/SpecialFunctions>

namespace engram::apps {
namespace {

double incomplete_beta(double a, double b, double x) {
  using One = Eigen::Array<double, 1, 1>;
  return Eigen::betainc(One::Constant(a), One::Constant(b), One::Constant(x))(0);
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
