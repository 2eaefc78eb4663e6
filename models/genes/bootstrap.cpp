#include "models/genes/bootstrap.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "models/genes/parallel_runs.h"

namespace engram::genes {
namespace {

Cohort resample(const Cohort& cohort, std::uint64_t seed, dim_t index) {
  SampleRandom random(seed, RandomPurpose::kGeneSplit, 4, index);
  std::vector<dim_t> drawn(std::size_t(cohort.num_patients()));
  for (dim_t& patient : drawn) patient = random.below(cohort.num_patients());
  return select_patients(cohort, drawn);
}

/// The genes that the pipeline lists; nothing where it cannot run or was stopped.
std::optional<std::vector<dim_t>> list_of(const Cohort& cohort, const PipelineOptions& options,
                                          const std::function<bool()>& stop) {
  try {
    const Selection selection = select_genes(cohort, options, {}, stop);
    if (selection.interrupted) return std::nullopt;
    return listed_genes(selection);
  } catch (const DataError&) {
    return std::nullopt;
  }
}

double quantile(const std::vector<int>& sorted, double p) {
  const double at = p * double(sorted.size() - 1);
  const auto below = std::size_t(at), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

Bootstrap bootstrap_pipeline(const Cohort& cohort, const std::vector<dim_t>& listed, const BootstrapOptions& options,
                             const std::function<void(int done)>& progress, const std::function<bool()>& stop) {
  if (options.resamples < 1)
    throw UsageError(message("[bootstrap] expected at least 1 resample, got ", options.resamples));
  const PipelineOptions pipeline = without_slow_checks(options.pipeline);
  std::vector<std::optional<std::vector<dim_t>>> lists(std::size_t(options.resamples));
  parallel_runs(
      options.resamples,
      [&](int run) { lists[std::size_t(run)] = list_of(resample(cohort, pipeline.seed, run), pipeline, stop); },
      progress, stop);
  Bootstrap result;
  result.share.assign(std::size_t(cohort.num_genes()), 0);
  result.runs = int(std::ranges::count_if(lists, [](const auto& list) { return list.has_value(); }));
  for (const auto& list : lists) {
    if (!list) continue;
    for (dim_t gene : *list) result.share[std::size_t(gene)] += 1;
    result.reselected.push_back(
        int(std::ranges::count_if(listed, [&](dim_t gene) { return std::ranges::find(*list, gene) != list->end(); })));
  }
  if (result.runs == 0) return result;
  for (double& count : result.share) count /= result.runs;
  std::vector<int> sorted = result.reselected;
  std::sort(sorted.begin(), sorted.end());
  result.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / result.runs;
  result.low = quantile(sorted, 0.025);
  result.high = quantile(sorted, 0.975);
  return result;
}

}  // namespace engram::genes
