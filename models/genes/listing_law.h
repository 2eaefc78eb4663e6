#pragma once
/// How likely a gene is to be listed, by its statistic: what an interval after selection has to allow for.

#include <cstdint>
#include <vector>

#include "kernels/common/types.h"

namespace engram::genes {

/// A gene whose product with treatment has the statistic z (estimate over error, towards more benefit) is listed with
/// probability Phi((z - threshold) / softness): it is listed when z, plus what the choice looks at besides, reaches a
/// threshold. The choice looks at the gene's main effect, for one: forward selection compares products of which some
/// enter without it.
struct ListingLaw {
  double threshold = 0;
  double softness = 1;     ///< above 0
  bool selective = false;  ///< false: every z is as likely to be listed
  bool known = true;       ///< false: too few draws to tell how the choice treats a gene; `selective` is then false

  /// Probability of being listed; 1 without a choice.
  double probability(double z) const;
};

/// Genes without an effect, of selections that were repeated.
struct ListingDraws {
  std::vector<double> z;
  std::vector<std::uint8_t> listed;  ///< one a value: 1 where the selection listed the gene
};

/// Fewer listed genes than this say nothing.
inline constexpr dim_t kFewestListed = 5;

/// The law that makes most likely which of the genes were listed and which were not: probit regression. A weak prior,
/// 1 / softness normal around 1 with variance 1, decides where the draws do not (nothing listed is below what is not).
/// Softness is 0.1 to 5. Where everything was listed there was no choice; with fewer than kFewestListed genes that were
/// listed the law is not known.
ListingLaw fit_listing_law(const ListingDraws& draws);

}  // namespace engram::genes
