#pragma once
/// Random search over gene sets, the floor that every search has to beat (docs/methods/genes.md, "Searches and rankings
/// for comparison").

#include <cstdint>
#include <functional>

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// Evaluates random sets until evaluator.done(): of `size` genes each, or with `size` 0 each gene with probability
/// `density`. The best set is the evaluator's.
void run_random_search(SubsetEvaluator& evaluator, int size, double density, std::uint64_t seed,
                       const std::function<bool()>& stop = {});

}  // namespace engram::genes
