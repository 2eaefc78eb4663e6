#pragma once
/// P-values from the null law of a GeneScan.

#include <cstdint>
#include <vector>

#include "models/genes/gene_scan.h"

namespace engram::genes {

/// The largest statistic over all genes that are testable and have not few carriers, in each of `replicates`, ascending
/// (with `both_sides` the largest absolute one). Zeros where there is no such gene. Replicates run in parallel; the
/// result depends on the seed alone.
std::vector<double> null_maxima(const GeneScan& scan, int replicates, std::uint64_t seed, bool both_sides = false);

/// Family-wise p-value: (1 + maxima that reach z) / (1 + maxima).
double family_wise_p(const std::vector<double>& maxima, double z);

/// log10 of each gene's two-sided p-value; 0 where it is not testable. With a second scan of the same null model the
/// statistic is the root of the sum of both squares, a test with two degrees of freedom.
///
/// A gene with few carriers is compared with its own replicates, so its p-value is at least 1 / (1 + replicates). The
/// others are compared with the replicates of about kPooledGenes genes of nearly as many carriers together, since their
/// laws are nearly the same; beyond the largest kTailShare of these a generalised Pareto law fitted to the squares
/// takes over (Knijnenburg et al. 2009), with a tail no lighter than the exponential, that is, than a normal
/// statistic's. Memory: replicates x patients floats. Runs in parallel; the result depends on the seed alone.
std::vector<double> calibrated_log10_p(const GeneScan& scan, int replicates, std::uint64_t seed,
                                       const GeneScan* second = nullptr);

}  // namespace engram::genes
