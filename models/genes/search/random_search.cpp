#include "models/genes/search/random_search.h"

#include "models/genes/search/search_random.h"

namespace engram::genes {

void run_random_search(SubsetEvaluator& evaluator, int size, double density, std::uint64_t seed,
                       const std::function<bool()>& stop) {
  constexpr int kBatch = 64;
  SearchRandom random(seed);
  const int m = evaluator.num_genes();
  while (!evaluator.done() && !(stop && stop())) {
    std::vector<GeneSet> sets;
    for (int i = 0; i < kBatch; ++i)
      sets.push_back(size > 0 ? random.set_of_size(m, size) : random.set_of_density(m, density));
    evaluator.evaluate(sets, evaluator.best());
  }
}

}  // namespace engram::genes
