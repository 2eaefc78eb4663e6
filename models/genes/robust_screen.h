#pragma once
/// A screen whose errors hold when the model does not: one full Cox fit a gene, with the sandwich variance.

#include "models/genes/screens.h"

namespace engram::genes {

/// What each gene's model holds and how its errors are made. The cohort's clusters, strata and entry times are in
/// force.
struct RobustScreenOptions {
  TieMethod ties = TieMethod::kEfron;
  bool product = true;              ///< test g x treatment beside g and treatment; false: g alone
  bool adjust = true;               ///< the clinical variables are in the model
  bool robust = true;               ///< sandwich errors (Lin and Wei 1989); false: model-based ones
  bool stratify_treatment = false;  ///< a baseline hazard for each arm in place of a coefficient
};

/// Wald tests, one a gene: model A, B or C by `product` and `adjust`. Genes that the other columns explain are
/// kNotEstimable, those that rest on fewer than survival::kFewPatients patients kFewCarriers, separated ones
/// kSeparated, all with p 1 (a sandwich has no score test). On all threads, the same bits for any number of them.
/// Throws DataError when nobody died, and for products when everybody or nobody was treated.
GeneTests robust_screen(const Cohort& cohort, const RobustScreenOptions& options);

}  // namespace engram::genes
