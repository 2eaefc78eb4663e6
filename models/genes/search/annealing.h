#pragma once
/// Simulated annealing over gene sets (docs/methods/genes.md, "Searches and rankings for comparison").

#include <cstdint>
#include <functional>

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// Flips one gene, or exchanges one for another, and takes a worse set with probability exp(loss / temperature). The
/// temperature falls geometrically over the budget. Temperatures are in units of the standard deviation of the fitness
/// of 20 random sets, so that they suit every objective.
struct AnnealingOptions {
  double start_temperature = 1, end_temperature = 1e-3;
  double swap_share = 0.3;  ///< of the moves
  double start_density = 0.2;
};

/// Searches until evaluator.done(). The best set is the evaluator's. Same seed, same result, at any number of threads.
void run_annealing(SubsetEvaluator& evaluator, const AnnealingOptions& options, std::uint64_t seed,
                   const std::function<bool()>& stop = {});

}  // namespace engram::genes
