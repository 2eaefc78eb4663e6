#pragma once
/// Confidence intervals of an effect that was chosen because it was large.

namespace engram::genes {

/// On the scale of standard errors.
struct SelectiveInterval {
  double estimate = 0;  ///< median-unbiased given the selection: without the winner's curse
  double low = 0, high = 0;
};

/// The hybrid interval of Andrews, Kitagawa and McCloskey (2024) for the mean of a normal z with variance 1 that was
/// reported because it is above `threshold`: conditional on that, and on lying within `reach` of its mean. `reach` is
/// the half-length of an interval that holds for all candidates together with probability 1 - kSimultaneous; it keeps
/// the conditional interval finite where z is hardly above the threshold. Covers with probability `level` to (level /
/// (1 - kSimultaneous)). Far above the threshold it is the usual interval. A z below the threshold counts as 0.1 above.
inline constexpr double kSimultaneous = 0.005;
SelectiveInterval selective_interval(double z, double threshold, double reach, double level = 0.95);

/// Half-length of simultaneous intervals for `candidates` normal means with coverage 1 - kSimultaneous (Bonferroni).
double simultaneous_reach(double candidates);

}  // namespace engram::genes
