#pragma once
/// Tests and intervals by ranks: they assume nothing about how times are distributed.

#include <span>
#include <vector>

namespace engram::bench {

/// An estimate with its interval, and the probability of a difference as large without a cause (two-sided).
struct RankEstimate {
  double estimate = 0, low = 0, high = 0;
  double p = 1;
};

/// Where paired differences lie: the sign test (differences of 0 say nothing and are left out of it), the median, and
/// its interval by the same test inverted. Signs lose little where single pairs are much disturbed, which costs signed
/// ranks most of their power. Without differences all is 0 and p 1; the interval is all that was seen where there are
/// too few for `confidence`.
RankEstimate paired_shift(std::span<const double> differences, double confidence);

/// How far `b` lies above `a`, two samples of times of their own: the rank-sum test of Mann and Whitney, exact up to 40
/// values each and by the normal law beyond, the median of all differences and its interval.
RankEstimate unpaired_shift(std::span<const double> a, std::span<const double> b, double confidence);

/// p-values times what Holm (1979) takes for as many tests: below `level` in any of them by chance with at most that
/// probability. In the order given.
std::vector<double> holm(const std::vector<double>& p);

/// The fewest pairs whose smallest p-value stays below `level` after Holm's correction for `rows` tests.
int pairs_needed(int rows, double level);

}  // namespace engram::bench
