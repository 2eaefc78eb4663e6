#include "models/genes/search/climb.h"

#include <algorithm>

namespace engram::genes {
namespace {

/// Exchanges that are evaluated together: many enough for the threads, few beside a budget.
constexpr std::size_t kSwapBatch = 20;

/// Steps to the best of `sets` if it is better than `fitness`; says whether it did.
bool step_to_best(SubsetEvaluator& evaluator, const std::vector<GeneSet>& sets, GeneSet& current, double& fitness) {
  const std::vector<double> values = evaluator.evaluate(sets, current);
  const auto best = std::max_element(values.begin(), values.end());
  if (best == values.end() || !(*best > fitness)) return false;
  fitness = *best;
  current = sets[std::size_t(best - values.begin())];
  return true;
}

/// One set a gene; the empty set is among them where the set has one member.
std::vector<GeneSet> all_flips(const GeneSet& set, int num_genes) {
  std::vector<GeneSet> sets;
  for (int gene = 0; gene < num_genes; ++gene) sets.push_back(set.flipped(gene));
  return sets;
}

std::vector<GeneSet> flips(const GeneSet& set, int num_genes) {
  std::vector<GeneSet> sets = all_flips(set, num_genes);
  std::erase_if(sets, [](const GeneSet& s) { return s.empty(); });
  return sets;
}

/// Sets with one gene exchanged, the most promising first: by the sum of what either flip alone does, which the
/// evaluator remembers from the flips.
std::vector<GeneSet> swaps(SubsetEvaluator& evaluator, const GeneSet& set) {
  const std::vector<double> flipped = evaluator.evaluate(all_flips(set, evaluator.num_genes()), set);
  struct Swap {
    GeneSet set;
    double promise;
  };
  std::vector<Swap> swaps;
  for (int gene : set.members()) {
    for (int other = 0; other < evaluator.num_genes(); ++other)
      if (!set.contains(other))
        swaps.push_back({set.flipped(gene).flipped(other), flipped[std::size_t(gene)] + flipped[std::size_t(other)]});
  }
  std::stable_sort(swaps.begin(), swaps.end(), [](const Swap& a, const Swap& b) { return a.promise > b.promise; });
  std::vector<GeneSet> sets;
  for (const Swap& swap : swaps) sets.push_back(swap.set);
  return sets;
}

/// Steps to the best of the first few swaps among which one is better; says whether there was any.
bool step_to_better_swap(SubsetEvaluator& evaluator, GeneSet& current, double& fitness) {
  const std::vector<GeneSet> sets = swaps(evaluator, current);
  for (std::size_t begin = 0; begin < sets.size() && !evaluator.done(); begin += kSwapBatch) {
    const std::size_t end = std::min(begin + kSwapBatch, sets.size());
    const std::vector<GeneSet> batch(sets.begin() + std::ptrdiff_t(begin), sets.begin() + std::ptrdiff_t(end));
    if (step_to_best(evaluator, batch, current, fitness)) return true;
  }
  return false;
}

}  // namespace

GeneSet climb(SubsetEvaluator& evaluator, const GeneSet& start) {
  GeneSet current = start;
  double fitness = evaluator.evaluate(start, start);
  while (!evaluator.done() && step_to_best(evaluator, flips(current, evaluator.num_genes()), current, fitness)) {
  }
  return current;
}

GeneSet forward_selection(SubsetEvaluator& evaluator, int limit, std::vector<int>* order) {
  GeneSet current;
  double fitness = 0;
  while (current.size() < limit && !evaluator.done()) {
    std::vector<GeneSet> sets;
    for (int gene = 0; gene < evaluator.num_genes(); ++gene)
      if (!current.contains(gene)) sets.push_back(current.flipped(gene));
    const GeneSet before = current;
    if (!step_to_best(evaluator, sets, current, fitness)) break;
    for (int gene : current.members())
      if (order != nullptr && !before.contains(gene)) order->push_back(gene);
  }
  return current;
}

GeneSet polish(SubsetEvaluator& evaluator, const GeneSet& start) {
  GeneSet current = start;
  double fitness = start.empty() ? 0 : evaluator.evaluate(start, start);
  while (!evaluator.done()) {
    if (step_to_best(evaluator, flips(current, evaluator.num_genes()), current, fitness)) continue;
    // Exchanges are many; they are tried where no single change helps.
    if (!step_to_better_swap(evaluator, current, fitness)) break;
  }
  return current;
}

}  // namespace engram::genes
