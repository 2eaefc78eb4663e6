#pragma once
/// Tail probabilities as base-10 logarithms, so that 1e-300 and far less is representable, and their multiplicity
/// adjustment.

#include <span>
#include <vector>

#include "kernels/common/types.h"

namespace engram::survival {

/// log10 of P(|Z| >= |z|) for a standard normal Z. 0 at z = 0; NaN stays NaN.
double log10_p_normal(double z);

/// log10 of P(X >= statistic) for a chi-square X with `df` > 0 degrees of freedom; 0 for a statistic <= 0.
/// Regularised incomplete gamma function by series or continued fraction, in logarithms.
double log10_p_chi_square(double statistic, double df);

/// Cumulative distribution of the standard normal.
double normal_cdf(double z);
/// Its inverse, p in (0, 1): for confidence limits. By Newton steps on log Phi; relative error below 1e-13.
double normal_quantile(double p);

/// A test statistic with its degrees of freedom.
struct ChiSquareTest {
  double statistic = 0;
  dim_t df = 0;  ///< 0: nothing to test; log10_p is then 0
  double log10_p = 0;
};

/// Wald tests of `estimate` [n] with `covariance` [n, n]: standard errors, z and two-sided log10 p; 0 each where
/// aliased or where the variance is not positive.
struct WaldTests {
  std::vector<double> standard_error, z, log10_p;
};
WaldTests wald_tests(std::span<const double> estimate, std::span<const double> covariance,
                     std::span<const std::uint8_t> aliased);

/// log10 of Bonferroni-adjusted p-values: min(1, m p). A NaN (no test) is not counted in m and stays NaN.
std::vector<double> bonferroni(std::span<const double> log10_p);

/// log10 of Benjamini-Hochberg q-values (1995): q_(i) = min over j >= i of min(1, p_(j) m / j). A NaN is not counted in
/// m and stays NaN.
std::vector<double> benjamini_hochberg(std::span<const double> log10_p);

}  // namespace engram::survival
