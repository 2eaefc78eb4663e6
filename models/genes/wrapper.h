#pragma once
/// The wrapper: one search from several seeds, each with its own evaluator and budget.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/genes/search/search.h"

namespace engram::genes {

struct WrapperOptions {
  std::string search = "qbso-greedy";
  int seeds = 10;
  std::int64_t evaluations = 3000;  ///< a seed
  std::uint64_t seed = 0;           ///< seed s of the wrapper is seed + s
  bool until_budget = true;         ///< false: the published number of iterations ends a search as well
  std::vector<double> filter_scores;
};

/// One seed's search.
struct WrapperRun {
  std::uint64_t seed = 0;
  GeneSet best;
  double fitness = 0;
  std::int64_t evaluations = 0;
  std::vector<TrajectoryPoint> trajectory;
  std::vector<double> usage;  ///< per candidate: share of bees that ended with it; empty for searches without bees
};

struct WrapperResult {
  std::vector<WrapperRun> runs;  ///< in the order of the seeds
  GeneSet best;                  ///< of the run with the largest fitness (ties: the first)
  double fitness = 0;
  std::vector<double> seed_share;  ///< per candidate: share of seeds whose best set has it
  std::vector<double> usage;       ///< per candidate: mean over the runs; of seed_share where a search has no usage
};

/// Runs the seeds in parallel. `progress`, where given, is called with the number of finished seeds, from one thread at
/// a time. Seeds that `stop` ended early are in the result all the same. The result does not depend on the number of
/// threads. Throws UsageError as run_search() before anything runs.
WrapperResult run_wrapper(const SubsetObjective& objective, const WrapperOptions& options,
                          const std::function<void(int)>& progress = {}, const std::function<bool()>& stop = {});

}  // namespace engram::genes
