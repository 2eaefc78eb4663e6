#pragma once
/// What searches over gene sets maximise.

#include <vector>

#include "models/genes/search/gene_set.h"

namespace engram::genes {

/// The fitness of one set, and what a fit of a neighbouring set can start from.
struct SubsetFit {
  double fitness = 0;                ///< the larger the better; never NaN
  std::vector<double> coefficients;  ///< of the objective's own layout; empty when there is nothing to start from
};

/// A fitness of gene sets (docs/methods/genes.md, "Fitness").
class SubsetObjective {
 public:
  virtual ~SubsetObjective() = default;

  /// The number of candidates; sets hold 0 .. num_genes() - 1.
  virtual int num_genes() const = 0;

  /// Fits `set`. `start`, where it is not null, is the fit of `start_set`; it may save iterations and changes the
  /// result by no more than the fit's tolerance. Called from several threads at once.
  virtual SubsetFit fit(const GeneSet& set, const SubsetFit* start, const GeneSet& start_set) const = 0;
};

}  // namespace engram::genes
