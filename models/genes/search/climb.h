#pragma once
/// Greedy climbs over gene sets.

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// Steepest ascent: evaluates every flip of one gene and takes the best, until none is better or evaluator.done().
GeneSet climb(SubsetEvaluator& evaluator, const GeneSet& start);

/// Greedy forward selection: starts from no gene and adds the one that raises the fitness most, until none does,
/// `limit` genes are in, or evaluator.done(). `order`, where not null, receives the genes in the order of their entry.
GeneSet forward_selection(SubsetEvaluator& evaluator, int limit = GeneSet::kMaxGenes,
                          std::vector<int>* order = nullptr);

/// Local optimum under additions, removals and exchanges (variant (v) of docs/methods/genes.md, "QBSO-FS"): takes the
/// best addition or removal; where there is none, a better exchange, tried in the order that the sum of both changes
/// promises; until none is better or evaluator.done().
GeneSet polish(SubsetEvaluator& evaluator, const GeneSet& start);

}  // namespace engram::genes
