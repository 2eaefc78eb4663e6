#include "models/genes/wrapper.h"

#include <algorithm>
#include <mutex>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace engram::genes {
namespace {

WrapperRun run_seed(const SubsetObjective& objective, const WrapperOptions& options, std::uint64_t seed,
                    const std::function<bool()>& stop) {
  SubsetEvaluator evaluator(objective, options.evaluations);
  SearchRequest request;
  request.method = options.search;
  request.seed = seed;
  request.filter_scores = options.filter_scores;
  request.until_budget = options.until_budget;
  request.stop = stop;
  WrapperRun run;
  run.seed = seed;
  run.usage = run_search(evaluator, request);
  run.best = evaluator.best();
  run.fitness = evaluator.best_fitness();
  run.evaluations = evaluator.evaluations();
  run.trajectory = evaluator.trajectory();
  return run;
}

/// What run_search would refuse: nothing may throw on another thread.
void check(const SubsetObjective& objective, const WrapperOptions& options) {
  if (std::ranges::find(search_names(), options.search) == search_names().end())
    throw UsageError(message("[wrapper] expected a search such as qbso-greedy, got '", options.search, "'"));
  if (options.seeds < 1) throw UsageError(message("[wrapper] expected at least 1 seed, got ", options.seeds));
  if (int(options.filter_scores.size()) != objective.num_genes())
    throw UsageError(
        message("[wrapper] expected ", objective.num_genes(), " filter scores, got ", options.filter_scores.size()));
  SubsetEvaluator(objective, options.evaluations);
}

}  // namespace

WrapperResult run_wrapper(const SubsetObjective& objective, const WrapperOptions& options,
                          const std::function<void(int)>& progress, const std::function<bool()>& stop) {
  check(objective, options);
  WrapperResult result;
  result.runs.resize(std::size_t(options.seeds));
  std::mutex mutex;
  int finished = 0;
  kernels::parallel_for(options.seeds, 1 << 20, [&](dim_t s) {
    result.runs[std::size_t(s)] = run_seed(objective, options, options.seed + std::uint64_t(s), stop);
    const std::lock_guard lock(mutex);
    if (progress) progress(++finished);
  });
  const std::size_t m = std::size_t(objective.num_genes());
  result.seed_share.assign(m, 0);
  result.usage.assign(m, 0);
  const WrapperRun* best = &result.runs.front();
  for (const WrapperRun& run : result.runs) {
    if (run.fitness > best->fitness) best = &run;
    for (std::size_t j = 0; j < m; ++j) {
      const double chosen = run.best.contains(int(j)) ? 1 : 0;
      result.seed_share[j] += chosen;
      result.usage[j] += run.usage.empty() ? chosen : run.usage[j];
    }
  }
  // Divided once: a sum of rounded shares may exceed 1.
  for (std::vector<double>* shares : {&result.seed_share, &result.usage})
    for (double& share : *shares) share = std::min(1.0, share / options.seeds);
  result.best = best->best;
  result.fitness = best->fitness;
  return result;
}

}  // namespace engram::genes
