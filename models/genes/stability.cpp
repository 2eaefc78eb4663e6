#include "models/genes/stability.h"

#include <algorithm>
#include <numeric>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "models/genes/forward_terms.h"
#include "models/genes/screens.h"

namespace engram::genes {
namespace {

/// Steps that the main effects may take besides the products.
constexpr int kMainSteps = 15;

/// Gene columns that the base selector chooses in one half; none when the half cannot be used.
std::vector<dim_t> select_in_half(const Cohort& half, const StabilityOptions& options) {
  FilterOptions filter;
  filter.exact = false;
  filter.from_cox = filter.from_aft = filter.at_most = options.filter;
  std::vector<dim_t> genes;
  for (const FilteredGene& g : default_filter(half, filter)) genes.push_back(g.gene);
  if (genes.empty()) return {};
  const TermDesign design(half, genes);
  const TermModel model(design.design(), options.likelihood);
  ForwardOptions forward;
  forward.max_products = options.genes;
  forward.max_steps = options.genes + kMainSteps;
  forward.benefit_only = true;
  std::vector<dim_t> chosen;
  for (const ForwardStep& step : forward_terms(design, model, forward))
    if (step.product) chosen.push_back(design.gene(step.candidate));
  return chosen;
}

/// One of the two halves of a split.
Cohort half_of(const Cohort& cohort, int split, int which, std::uint64_t seed) {
  std::vector<dim_t> order(std::size_t(cohort.num_patients()));
  std::iota(order.begin(), order.end(), dim_t{0});
  SampleRandom random(seed, RandomPurpose::kGeneSplit, 3, split);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[std::size_t(random.below(dim_t(i)))]);
  const std::size_t size = order.size() / 2;
  const auto begin = order.begin() + std::ptrdiff_t(which == 0 ? 0 : size);
  return select_patients(cohort, std::vector<dim_t>(begin, begin + std::ptrdiff_t(size)));
}

}  // namespace

double Stability::error_bound(double threshold) const {
  if (share.empty() || threshold <= 0.5) return double(share.size());
  return mean_selected * mean_selected / ((2 * threshold - 1) * double(share.size()));
}

Stability stability_selection(const Cohort& cohort, const StabilityOptions& options,
                              const std::function<bool()>& stop) {
  if (options.splits < 1 || options.genes < 1 || options.filter < 1 || options.filter > 128)
    throw UsageError(message("[stability] expected at least 1 split and gene and a filter of 1 to 128, got ",
                             options.splits, ", ", options.genes, " and ", options.filter));
  const Cohort usable = usable_patients(cohort, options.likelihood);
  if (usable.num_patients() < 4) throw DataError("[stability] expected at least 4 patients");
  std::vector<std::vector<dim_t>> chosen(std::size_t(2 * options.splits));
  std::vector<std::uint8_t> used(chosen.size());
  kernels::parallel_for(2 * options.splits, 1 << 20, [&](dim_t run) {
    if (stop && stop()) return;
    const Cohort half = half_of(usable, int(run / 2), int(run % 2), options.seed);
    const dim_t treated = count_treated(half);
    if (count_events(half) == 0 || treated == 0 || treated == half.num_patients()) return;
    used[std::size_t(run)] = 1;
    chosen[std::size_t(run)] = select_in_half(half, options);
  });
  Stability result;
  result.share.assign(std::size_t(cohort.num_genes()), 0);
  result.runs = int(std::ranges::count(used, 1));
  for (const auto& genes : chosen)
    for (dim_t gene : genes) result.share[std::size_t(gene)] += 1;
  for (double& share : result.share) share /= std::max(1, result.runs);  // once: a sum of rounded shares may exceed 1
  for (const auto& genes : chosen) result.mean_selected += double(genes.size()) / std::max(1, result.runs);
  return result;
}

}  // namespace engram::genes
