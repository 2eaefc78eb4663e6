#pragma once
/// How likely a gene is to be listed, by its statistic: what an interval after selection has to allow for.

#include <span>

namespace engram::genes {

/// A gene whose product with treatment has the statistic z (estimate over error, towards more benefit) is listed with
/// probability Phi((z - threshold) / softness): it is listed when z, plus what the choice looks at besides, reaches a
/// threshold. The choice looks at the gene's main effect, for one: forward selection compares products of which some
/// enter without it.
struct ListingLaw {
  double threshold = 0;
  double softness = 1;     ///< above 0
  bool selective = false;  ///< false: nothing is known of a choice, and every z is as likely to be listed

  /// Probability of being listed; 1 without a choice.
  double probability(double z) const;
};

/// Fewer listed statistics than this say nothing.
inline constexpr std::size_t kFewestListed = 5;

/// The law that makes `listed` most likely: statistics of listed genes without an effect, that is, draws of a normal z
/// with mean 0 and variance 1 given that it was listed (an extended skew normal law). A weak prior, log softness normal
/// around 0 with variance 1, decides where the draws do not. With fewer than kFewestListed draws it is no choice.
ListingLaw fit_listing_law(std::span<const double> listed);

}  // namespace engram::genes
