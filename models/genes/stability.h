#pragma once
/// Complementary-pairs stability selection (Shah and Samworth 2013; docs/methods/genes.md, "Stability and
/// permutations").

#include <cstdint>
#include <functional>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/term_model.h"

namespace engram::genes {

struct StabilityOptions {
  int splits = 50;  ///< into two halves each
  int genes = 10;   ///< the base selector stops at that many products
  dim_t filter = 50;
  Likelihood likelihood = Likelihood::kLogLogistic;
  std::uint64_t seed = 0;
};

struct Stability {
  std::vector<double> share;  ///< one a gene: in how many of the halves it was chosen
  int runs = 0;               ///< halves that could be used
  double mean_selected = 0;   ///< genes chosen in a half, on average
  /// Bound on the expected number of falsely selected genes at a threshold in (0.5, 1] (Meinshausen and Buehlmann
  /// 2010): q^2 / ((2 pi - 1) p).
  double error_bound(double threshold) const;
};

/// The base selector filters the genes of each half afresh (the default filter, one-step estimates), then selects
/// forward over main effects and products, until `genes` products of more benefit are in. Halves in which nobody died
/// or one arm is empty are left out. Runs in parallel; the result depends on the seed alone.
Stability stability_selection(const Cohort& cohort, const StabilityOptions& options,
                              const std::function<bool()>& stop = {});

}  // namespace engram::genes
