#include "models/genes/search/climb.h"

#include <algorithm>

namespace engram::genes {
namespace {

/// Steps to the best of `sets` if it is better than `fitness`; says whether it did.
bool step_to_best(SubsetEvaluator& evaluator, const std::vector<GeneSet>& sets, GeneSet& current, double& fitness) {
  const std::vector<double> values = evaluator.evaluate(sets, current);
  const auto best = std::max_element(values.begin(), values.end());
  if (best == values.end() || !(*best > fitness)) return false;
  fitness = *best;
  current = sets[std::size_t(best - values.begin())];
  return true;
}

std::vector<GeneSet> flips(const GeneSet& set, int num_genes) {
  std::vector<GeneSet> sets;
  for (int gene = 0; gene < num_genes; ++gene)
    if (!set.flipped(gene).empty()) sets.push_back(set.flipped(gene));
  return sets;
}

std::vector<GeneSet> swaps(const GeneSet& set, int num_genes) {
  std::vector<GeneSet> sets;
  for (int gene : set.members()) {
    for (int other = 0; other < num_genes; ++other)
      if (!set.contains(other)) sets.push_back(set.flipped(gene).flipped(other));
  }
  return sets;
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
    if (!step_to_best(evaluator, swaps(current, evaluator.num_genes()), current, fitness)) break;
  }
  return current;
}

}  // namespace engram::genes
