#pragma once
/// Means over seeds with intervals, and paired comparisons.

#include <span>

namespace engram::apps {

/// A mean with the half width of its 95 % interval by Student's t; the half width is infinite below two values.
struct MeanInterval {
  int count = 0;
  double mean = 0;
  double half_width = 0;
};

MeanInterval mean_interval(std::span<const double> values);

/// Of paired differences: their mean with interval, and the two-sided p-value of the paired t test (1 below two pairs;
/// 0 when all differences are equal and not 0, 1 when they are 0).
struct PairedTest {
  MeanInterval difference;
  double p = 1;
};

PairedTest paired_test(std::span<const double> differences);

/// The probability that |T| exceeds |t| for Student's t with `freedom` degrees of freedom.
double student_two_sided(double t, double freedom);

}  // namespace engram::apps
