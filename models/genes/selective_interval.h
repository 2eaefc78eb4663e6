#pragma once
/// Confidence intervals of an effect that was chosen because it was large.

#include "models/genes/listing_law.h"

namespace engram::genes {

/// On the scale of standard errors.
struct SelectiveInterval {
  double estimate = 0;  ///< median-unbiased given the selection: without the winner's curse
  double low = 0, high = 0;
};

/// Interval for the mean of a normal z with variance 1, given that it was listed as `law` has it: z then has a density
/// proportional to phi(z - mean) P(listed | z) (inference after a black box, Markovic, Taylor and Taylor 2019). It is
/// made hybrid as Andrews, Kitagawa and McCloskey (2024) do, conditional also on z lying within `reach` of its mean:
/// the half-length of an interval that holds for all candidates together with probability 1 - kSimultaneous, which
/// keeps it short where z is hardly what is listed. Covers with probability `level` to level / (1 - kSimultaneous)
/// where the law is right. Far above the threshold, or without a choice, it is the usual interval.
inline constexpr double kSimultaneous = 0.005;
SelectiveInterval selective_interval(double z, const ListingLaw& law, double reach, double level = 0.95);

/// Half-length of simultaneous intervals for `candidates` normal means with coverage 1 - kSimultaneous (Bonferroni).
double simultaneous_reach(double candidates);

}  // namespace engram::genes
