#include "models/genes/search/annealing.h"

#include <algorithm>
#include <cmath>

#include "models/genes/search/search_random.h"

namespace engram::genes {
namespace {

constexpr int kProbes = 20;

double deviation(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  int count = 0;
  for (double v : values) {
    if (!std::isfinite(v)) continue;  // the budget ended within the batch
    ++count;
    const double from_mean = v - mean;
    mean += from_mean / count;
    squares += from_mean * (v - mean);
  }
  return count > 1 ? std::sqrt(squares / (count - 1)) : 0;
}

GeneSet neighbour(const GeneSet& set, int num_genes, double swap_share, SearchRandom& random) {
  GeneSet next = set.flipped(random.below(num_genes));
  if (random.chance(swap_share)) {
    const bool grew = next.size() > set.size();
    const std::vector<int> members = set.members();
    if (grew) next.flip(members[std::size_t(random.below(int(members.size())))]);
  }
  return next.empty() ? set : next;
}

}  // namespace

void run_annealing(SubsetEvaluator& evaluator, const AnnealingOptions& options, std::uint64_t seed,
                   const std::function<bool()>& stop) {
  SearchRandom random(seed);
  const int m = evaluator.num_genes();
  std::vector<GeneSet> probes;
  for (int i = 0; i < kProbes; ++i) probes.push_back(random.set_of_density(m, options.start_density));
  const std::vector<double> values = evaluator.evaluate(probes, {});
  const double unit = std::max(deviation(values), 1e-12);
  GeneSet current = probes.front();
  double fitness = values.front();
  while (!evaluator.done() && !(stop && stop())) {
    const double progress = double(evaluator.evaluations()) / double(evaluator.budget());
    const double temperature =
        unit * options.start_temperature * std::pow(options.end_temperature / options.start_temperature, progress);
    const GeneSet next = neighbour(current, m, options.swap_share, random);
    const double value = evaluator.evaluate(next, current);
    if (value < fitness && !random.chance(std::exp((value - fitness) / temperature))) continue;
    current = next;
    fitness = value;
  }
}

}  // namespace engram::genes
