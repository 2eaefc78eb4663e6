#include "models/genes/search/search_random.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/error.h"

namespace engram::genes {

int SearchRandom::below(int bound) {
  if (bound < 1) throw UsageError(message("[search] expected at least 1 thing to draw from, got ", bound));
  return int(draws_.below(bound));
}

int SearchRandom::weighted(std::span<const double> weights) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double rest = uniform() * total;
  int last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = int(i);
    rest -= weights[i];
    if (rest < 0) break;
  }
  return last;  // rounding may leave a little of `rest` behind the last positive weight
}

GeneSet SearchRandom::set_of_density(int num_genes, double density) {
  GeneSet set;
  while (set.empty()) {
    for (int gene = 0; gene < num_genes; ++gene)
      if (chance(density)) set.insert(gene);
  }
  return set;
}

GeneSet SearchRandom::set_of_size(int num_genes, int size) {
  std::vector<int> genes(static_cast<std::size_t>(num_genes));
  std::iota(genes.begin(), genes.end(), 0);
  GeneSet set;
  for (int i = 0; i < std::min(size, num_genes); ++i) {
    std::swap(genes[std::size_t(i)], genes[std::size_t(i + below(num_genes - i))]);
    set.insert(genes[std::size_t(i)]);
  }
  return set;
}

}  // namespace engram::genes
