#include "models/genes/search/genetic.h"

#include <algorithm>

#include "kernels/common/error.h"
#include "models/genes/search/search_random.h"

namespace engram::genes {
namespace {

struct Individual {
  GeneSet set;
  double fitness = 0;
};

class Breeding {
 public:
  Breeding(SubsetEvaluator& evaluator, const GeneticOptions& options, std::uint64_t seed)
      : evaluator_(evaluator), options_(options), m_(evaluator.num_genes()), random_(seed) {}

  void run(const std::function<bool()>& stop) {
    for (int i = 0; i < options_.population; ++i)
      people_.push_back({random_.set_of_density(m_, options_.start_density)});
    evaluate(0);
    for (int g = 0; g < options_.generations && !evaluator_.done() && !(stop && stop()); ++g) {
      std::vector<Individual> next(people_.begin(), people_.begin() + options_.elite);
      while (int(next.size()) < options_.population) next.push_back({child()});
      people_ = std::move(next);
      evaluate(std::size_t(options_.elite));
    }
  }

 private:
  /// Evaluates from `first` on, and sorts from the best to the worst.
  void evaluate(std::size_t first) {
    std::vector<GeneSet> sets;
    for (std::size_t i = first; i < people_.size(); ++i) sets.push_back(people_[i].set);
    const std::vector<double> values = evaluator_.evaluate(sets, evaluator_.best());
    for (std::size_t i = 0; i < values.size(); ++i) people_[first + i].fitness = values[i];
    std::stable_sort(people_.begin(), people_.end(),
                     [](const Individual& a, const Individual& b) { return a.fitness > b.fitness; });
  }

  /// The best of a few; people are sorted, so that is the first of them.
  const GeneSet& parent() {
    int best = options_.population;
    for (int i = 0; i < options_.tournament; ++i) best = std::min(best, random_.below(options_.population));
    return people_[std::size_t(best)].set;
  }

  GeneSet child() {
    GeneSet set = parent();
    const GeneSet other = parent();
    if (random_.chance(options_.crossover)) {
      for (int gene = 0; gene < m_; ++gene)
        if (set.contains(gene) != other.contains(gene) && random_.chance(0.5)) set.flip(gene);
    }
    for (int gene = 0; gene < m_; ++gene)
      if (random_.chance(1.0 / m_)) set.flip(gene);
    return set.empty() ? random_.set_of_density(m_, options_.start_density) : set;
  }

  SubsetEvaluator& evaluator_;
  const GeneticOptions& options_;
  int m_;
  SearchRandom random_;
  std::vector<Individual> people_;
};

}  // namespace

void run_genetic(SubsetEvaluator& evaluator, const GeneticOptions& options, std::uint64_t seed,
                 const std::function<bool()>& stop) {
  if (options.population < 2 || options.tournament < 1 || options.elite < 0 || options.elite >= options.population)
    throw UsageError(
        message("[genetic] expected a population above 1 and above the elite, and a tournament of at least "
                "1, got ",
                options.population, ", ", options.elite, " and ", options.tournament));
  Breeding(evaluator, options, seed).run(stop);
}

}  // namespace engram::genes
