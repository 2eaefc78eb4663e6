#pragma once
/// Random draws of searches over gene sets.

#include <span>
#include <vector>

#include "engine/sample_random.h"
#include "models/genes/search/gene_set.h"

namespace engram::genes {

/// The stream of draws of one search: the same for the same seed on every machine and thread count. Searches draw in
/// one thread only; evaluations draw nothing.
class SearchRandom {
 public:
  explicit SearchRandom(std::uint64_t seed) : draws_(seed, RandomPurpose::kGeneSearch, 0, 0) {}

  /// A uniform integer in [0, bound). Throws UsageError for a bound below 1: nothing can be drawn from an empty set.
  int below(int bound);
  /// A uniform number in [0, 1).
  double uniform() { return double(draws_.uniform()); }
  bool chance(double probability) { return uniform() < probability; }

  /// Index i with probability weights[i] / sum. Weights are not negative and not all 0.
  int weighted(std::span<const double> weights);

  /// A set of which each gene is a member with probability `density`; drawn again until it is not empty.
  GeneSet set_of_density(int num_genes, double density);

  /// `size` different genes of 0 .. num_genes - 1, uniformly.
  GeneSet set_of_size(int num_genes, int size);

 private:
  SampleRandom draws_;
};

}  // namespace engram::genes
