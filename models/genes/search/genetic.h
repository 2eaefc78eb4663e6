#pragma once
/// A genetic algorithm over gene sets (docs/methods/genes.md, "Searches and rankings for comparison").

#include <cstdint>
#include <functional>

#include "models/genes/search/subset_evaluator.h"

namespace engram::genes {

/// Tournament selection, uniform crossover, mutation of each bit with probability 1 / number of genes, elitism.
struct GeneticOptions {
  int population = 50, generations = 1000, tournament = 3, elite = 2;
  double crossover = 0.9;
  double start_density = 0.2;
};

/// Breeds until `options.generations` are done or evaluator.done(). The best set is the evaluator's. Same seed, same
/// result, at any number of threads. Throws UsageError for settings out of range.
void run_genetic(SubsetEvaluator& evaluator, const GeneticOptions& options, std::uint64_t seed,
                 const std::function<bool()>& stop = {});

}  // namespace engram::genes
