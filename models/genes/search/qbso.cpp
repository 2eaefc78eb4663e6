#include "models/genes/search/qbso.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"
#include "models/genes/search/climb.h"
#include "models/genes/search/q_table.h"
#include "models/genes/search/search_random.h"

namespace engram::genes {
namespace {

/// Genes of a random state of variant (iv), on average.
constexpr double kInformedSize = 10;
/// Exchanges between the reference and a bee's start in the near search area, at most.
constexpr int kNearExchanges = 3;

/// A bee's place and how good it is.
struct Bee {
  GeneSet set;
  double fitness = 0;
};

void check(const QbsoOptions& o, int num_genes) {
  const auto expect = [](bool holds, const char* what) {
    if (!holds) throw UsageError(message("[qbso] expected ", what));
  };
  expect(o.bees >= 1 && o.iterations >= 1 && o.local_iterations >= 1, "at least 1 bee, iteration and local iteration");
  expect(o.flip >= 1 && o.max_chance >= 1, "flip and max_chance of at least 1");
  expect(o.alpha >= 0 && o.alpha <= 1 && o.gamma >= 0 && o.gamma <= 1 && o.epsilon >= 0 && o.epsilon <= 1,
         "alpha, gamma and epsilon in [0, 1]");
  const bool scores = o.variants.open_actions || o.variants.informed_start || o.variants.near_area;
  expect(!scores || int(o.filter_scores.size()) == num_genes, "one filter score for each candidate gene");
}

/// Softmax of the scores: the share of each gene.
std::vector<double> softmax(const std::vector<double>& scores) {
  std::vector<double> shares(scores.size());
  if (scores.empty()) return shares;
  const double top = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) total += shares[i] = std::exp(scores[i] - top);
  for (double& share : shares) share /= total;
  return shares;
}

class Swarm {
 public:
  Swarm(SubsetEvaluator& evaluator, const QbsoOptions& options, std::uint64_t seed)
      : evaluator_(evaluator),
        options_(options),
        m_(evaluator.num_genes()),
        flip_(std::min(options.flip, m_)),
        random_(seed),
        q_(m_, options.variants.factored_values),
        shares_(softmax(options.filter_scores)),
        epsilon_(options.epsilon),
        usage_(static_cast<std::size_t>(m_)) {}

  QbsoResult run(const std::function<bool()>& stop) {
    QbsoResult result;
    GeneSet reference = options_.variants.greedy_start ? greedy_start() : random_state();
    for (int it = 1; it <= options_.iterations && !evaluator_.done() && !(stop && stop()); ++it) {
      tabu_.push_back(reference);
      std::vector<Bee> bees;
      for (const GeneSet& start : search_area(reference)) {
        if (evaluator_.done()) break;
        bees.push_back(local_search(start, it));
        for (int gene : bees.back().set.members()) ++usage_[std::size_t(gene)];
        ++ends_;
      }
      result.iterations = it;
      if (!bees.empty()) reference = next_reference(bees);
    }
    result.steps = steps_;
    for (double& count : usage_) count /= double(std::max<std::int64_t>(ends_, 1));
    result.usage = usage_;
    return result;
  }

 private:
  /// The fitness that the search works with: not negative, and fewer genes win between equals.
  double score(double fitness, const GeneSet& set) const {
    return (fitness > 0 ? fitness : 0) + 1e-9 * (m_ - set.size());
  }
  double score(const GeneSet& set, const GeneSet& near) { return score(evaluator_.evaluate(set, near), set); }

  GeneSet random_state() {
    if (!options_.variants.informed_start) return random_.set_of_density(m_, 0.2);
    // The average of the two rules lets every gene in, now and then.
    GeneSet set;
    while (set.empty()) {
      for (int gene = 0; gene < m_; ++gene) {
        const double share = 0.5 * (shares_[std::size_t(gene)] + 1.0 / m_);
        if (random_.chance(std::min(1.0, kInformedSize * share))) set.insert(gene);
      }
    }
    return set;
  }

  /// Forward selection's set, which a bee has to beat to become the best; a random one where no gene helps.
  GeneSet greedy_start() {
    const GeneSet set = forward_selection(evaluator_);
    if (set.empty()) return random_state();
    best_ = {set, score(set, set)};
    any_best_ = true;
    chances_ = options_.max_chance;
    return set;
  }

  /// `exchanges` times a member is taken out and another gene, drawn by the filter's softmax, put in. Where all genes
  /// are members none is put in, and where none is left none is taken out; with one candidate the set may end empty.
  GeneSet near_state(const GeneSet& reference, int exchanges) {
    GeneSet set = reference;
    for (int i = 0; i < exchanges; ++i) {
      const std::vector<int> members = set.members();
      std::vector<double> weights(static_cast<std::size_t>(m_));
      for (int gene = 0; gene < m_; ++gene)
        weights[std::size_t(gene)] = set.contains(gene) ? 0 : shares_[std::size_t(gene)] + 1.0 / m_;
      if (int(members.size()) < m_) set.insert(random_.weighted(weights));
      if (!members.empty()) set.erase(members[std::size_t(random_.below(int(members.size())))]);
    }
    return set;
  }

  /// Where the bees start around the reference (step 2).
  std::vector<GeneSet> search_area(const GeneSet& reference) {
    std::vector<GeneSet> starts;
    if (options_.variants.near_area) {
      for (int bee = 0; bee < options_.bees; ++bee) {
        const GeneSet set = near_state(reference, 1 + bee % kNearExchanges);
        starts.push_back(set.empty() ? random_state() : set);
      }
      return starts;
    }
    const int block = m_ / flip_;
    for (int bee = 0; bee < options_.bees; ++bee) {
      GeneSet set = reference;
      if (bee < flip_) {
        for (int gene = bee; gene < m_; gene += flip_) set.flip(gene);
      } else if (bee < 2 * flip_) {
        const int begin = (bee - flip_) * block;
        for (int gene = begin; gene < begin + block; ++gene) set.flip(gene);
      } else {
        set.flip(random_.below(m_));
      }
      starts.push_back(set.empty() ? random_state() : set);
    }
    return starts;
  }

  Bee local_search(const GeneSet& start, int iteration) {
    Bee bee{start, score(start, start)};
    if (!options_.learning) {
      bee.set = climb(evaluator_, start);
      bee.fitness = score(bee.set, bee.set);
      return bee;
    }
    const int steps = std::min(iteration / options_.local_iterations + 1, options_.local_iterations);
    for (int episode = 0; episode < options_.local_iterations; ++episode)
      for (int step = 0; step < steps && !evaluator_.done(); ++step) q_step(bee);
    return bee;
  }

  /// One step of Q-learning (3a to 3f).
  void q_step(Bee& bee) {
    choose_candidates(bee.set);
    const SetAction action = random_.chance(1 - epsilon_)
                                 ? best_action(bee.set).action
                                 : candidates_[std::size_t(random_.below(int(candidates_.size())))];
    epsilon_ = std::max(0.0, epsilon_ - options_.epsilon_step);
    ++steps_;
    const GeneSet next = action.applied_to(bee.set);
    const double fitness = score(next, bee.set);
    const double future = best_action(next).q;
    q_.update(bee.set, action, reward(bee, next, fitness) + options_.gamma * future, options_.alpha);
    bee = {next, fitness};
  }

  static double reward(const Bee& from, const GeneSet& to, double fitness) {
    if (fitness > from.fitness) return fitness;
    if (fitness < from.fitness) return fitness - from.fitness;
    return to.size() < from.set.size() ? fitness / 2 : -fitness / 2;
  }

  /// Candidate actions of a state (3a, variants (i) and (iii)).
  void choose_candidates(const GeneSet& set) {
    const bool open = options_.variants.open_actions && random_.chance(0.5);
    std::vector<int> genes = open ? open_genes() : genes_towards_best(set);
    if (!genes.empty()) {
      candidates_.clear();
      for (int gene : genes) candidates_.push_back({gene});
      if (options_.variants.swaps && random_.chance(0.5)) make_swaps(set);
    }
    if (candidates_.empty()) candidates_.push_back({random_.below(m_)});  // nothing was ever chosen before
  }

  std::vector<int> genes_towards_best(const GeneSet& set) {
    std::vector<int> genes;
    const bool any = evaluator_.has_best() && evaluator_.best_fitness() > 0;
    for (int gene = 0; gene < m_; ++gene) {
      if (any ? set.contains(gene) != evaluator_.best().contains(gene) : set.contains(gene)) genes.push_back(gene);
    }
    const int wanted = int(genes.size()) > flip_ ? flip_ : std::min<int>(1, int(genes.size()));
    for (int i = 0; i < wanted; ++i)
      std::swap(genes[std::size_t(i)], genes[std::size_t(i + random_.below(int(genes.size()) - i))]);
    genes.resize(std::size_t(wanted));
    return genes;
  }

  /// `flip` different genes of all, drawn by the filter's softmax.
  std::vector<int> open_genes() {
    std::vector<double> weights(shares_);
    for (double& w : weights) w += 1e-3 / m_;  // every gene stays possible
    std::vector<int> genes;
    for (int i = 0; i < flip_; ++i) {
      genes.push_back(random_.weighted(weights));
      weights[std::size_t(genes.back())] = 0;
    }
    return genes;
  }

  /// Gives every candidate a partner on the other side, so that the set keeps its size.
  void make_swaps(const GeneSet& set) {
    const std::vector<int> inside = set.members();
    std::vector<int> outside;
    for (int gene = 0; gene < m_; ++gene)
      if (!set.contains(gene)) outside.push_back(gene);
    if (inside.empty() || outside.empty()) return;
    for (SetAction& action : candidates_) {
      const std::vector<int>& other = set.contains(action.flip) ? outside : inside;
      action.partner = other[std::size_t(random_.below(int(other.size())))];
    }
  }

  struct Choice {
    SetAction action;
    double q = 0;
  };

  /// The candidate with the largest Q(x, a) + f(x with a), ties at random, and its Q.
  Choice best_action(const GeneSet& set) {
    std::vector<GeneSet> next;
    for (const SetAction& action : candidates_) next.push_back(action.applied_to(set));
    const std::vector<double> fitness = evaluator_.evaluate(next, set);
    Choice best;
    double top = 0;
    int ties = 0;
    for (std::size_t i = 0; i < next.size(); ++i) {
      const double q = q_.value(set, candidates_[i]), total = q + score(fitness[i], next[i]);
      if (i == 0 || total > top) {
        ties = 1;
      } else if (total < top || random_.below(++ties) != 0) {
        continue;
      }
      top = total;
      best = {candidates_[i], q};
    }
    return best;
  }

  int distance_to_tabu(const GeneSet& set) const {
    int smallest = m_;
    for (const GeneSet& entry : tabu_) smallest = std::min(smallest, set.distance(entry));
    return smallest <= 1 ? 0 : smallest;
  }

  /// Step 4.
  GeneSet next_reference(std::vector<Bee>& bees) {
    std::stable_sort(bees.begin(), bees.end(), [](const Bee& a, const Bee& b) { return a.fitness > b.fitness; });
    if (!any_best_ || bees.front().fitness > best_.fitness) {
      best_ = bees.front();
      any_best_ = true;
      chances_ = options_.max_chance;
      return best_.set;
    }
    if (bees.front().fitness > score(tabu_.back(), tabu_.back())) {
      chances_ = options_.max_chance;
      return by_quality(bees);
    }
    if (--chances_ > 0) return by_quality(bees);
    chances_ = options_.max_chance;
    return by_diversity(bees);
  }

  GeneSet by_quality(const std::vector<Bee>& sorted) {
    for (std::size_t begin = 0; begin < sorted.size();) {
      std::size_t end = begin;
      while (end < sorted.size() && sorted[end].fitness == sorted[begin].fitness) ++end;
      if (const Bee* chosen = farthest(sorted, begin, end)) return chosen->set;
      begin = end;
    }
    return random_state();
  }

  GeneSet by_diversity(const std::vector<Bee>& bees) {
    const Bee* chosen = farthest(bees, 0, bees.size());
    return chosen ? chosen->set : random_state();
  }

  /// The bee of a range that is farthest from the tabu list, then the one of fewer genes; null when all are on it.
  const Bee* farthest(const std::vector<Bee>& bees, std::size_t begin, std::size_t end) const {
    const Bee* chosen = nullptr;
    int largest = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const int distance = distance_to_tabu(bees[i].set);
      const bool fewer = chosen != nullptr && distance == largest && bees[i].set.size() < chosen->set.size();
      if (distance > largest || (distance > 0 && fewer)) {
        chosen = &bees[i];
        largest = distance;
      }
    }
    return chosen;
  }

  SubsetEvaluator& evaluator_;
  const QbsoOptions& options_;
  int m_, flip_;
  SearchRandom random_;
  QTable q_;
  std::vector<double> shares_;
  double epsilon_;
  std::vector<SetAction> candidates_;  // of the latest step; a step that has none takes those of the one before
  std::vector<GeneSet> tabu_;
  Bee best_;
  bool any_best_ = false;
  int chances_ = 0;
  std::int64_t steps_ = 0, ends_ = 0;
  std::vector<double> usage_;
};

}  // namespace

QbsoOptions team_qbso_options() {
  QbsoOptions options;
  options.flip = 1;
  options.max_chance = 5;
  return options;
}

QbsoVariants improved_qbso_variants() {
  return {.open_actions = true, .factored_values = true, .swaps = true, .informed_start = true};
}

QbsoVariants greedy_qbso_variants() {
  QbsoVariants variants = improved_qbso_variants();
  variants.greedy_start = variants.near_area = true;
  return variants;
}

QbsoResult run_qbso(SubsetEvaluator& evaluator, const QbsoOptions& options, std::uint64_t seed,
                    const std::function<bool()>& stop) {
  check(options, evaluator.num_genes());
  return Swarm(evaluator, options, seed).run(stop);
}

}  // namespace engram::genes
