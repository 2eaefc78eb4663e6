#pragma once
/// Counts, remembers and parallelises the evaluations of a search.

#include <cstdint>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/genes/search/subset_objective.h"

namespace engram::genes {

/// A point of a search's trajectory: the best fitness after so many evaluations.
struct TrajectoryPoint {
  std::int64_t evaluations = 0;
  double fitness = 0;
};

/// One objective behind one counter and one cache: every method that is compared gets its own evaluator with the same
/// budget. An evaluation is a set whose fitness was not known yet; asking for a known one is free. The empty set is
/// given fitness 0 and costs nothing.
///
/// Batches are evaluated on all threads. A fit starts from a set that was in the cache before the batch, so values do
/// not depend on the number of threads.
class SubsetEvaluator {
 public:
  /// What a set gets for which no evaluation was left.
  static constexpr double kNotEvaluated = -std::numeric_limits<double>::infinity();

  /// `objective` must outlive the evaluator. `budget` is the number of evaluations. Throws UsageError for an objective
  /// of no genes or of more than GeneSet::kMaxGenes, and for a budget below 1.
  SubsetEvaluator(const SubsetObjective& objective, std::int64_t budget);

  int num_genes() const { return objective_.num_genes(); }

  /// The fitness of one set. The fit starts from that of `near` where it is known.
  double evaluate(const GeneSet& set, const GeneSet& near);

  /// The fitness of each set, in order; sets may repeat. When the budget ends within the batch, the first sets get
  /// their values and the others kNotEvaluated.
  std::vector<double> evaluate(std::span<const GeneSet> sets, const GeneSet& near);

  /// Whether a search has to stop: the budget is used, or the last 20 * budget requests brought nothing new (a small
  /// space can be known before the budget ends).
  bool done() const { return evaluations_ >= budget_ || requests_ - last_new_request_ > 20 * budget_; }

  std::int64_t budget() const { return budget_; }
  std::int64_t evaluations() const { return evaluations_; }

  /// Extends the budget, for a stage that follows a search (the polish of a result).
  void extend(std::int64_t evaluations) { budget_ += evaluations; }

  /// The best set so far (ties: the first found), and its fitness; the empty set and 0 at the start.
  const GeneSet& best() const { return best_; }
  double best_fitness() const { return best_fitness_; }

  /// Whether anything but the empty set was evaluated.
  bool has_best() const { return !best_.empty(); }

  /// Where the best fitness rose, and the end.
  std::vector<TrajectoryPoint> trajectory() const;

  /// The coefficients that the objective gave for a set; empty when it was not evaluated.
  std::vector<double> coefficients(const GeneSet& set) const;

 private:
  void record(const GeneSet& set, SubsetFit fit);

  const SubsetObjective& objective_;
  std::int64_t budget_, evaluations_ = 0, requests_ = 0, last_new_request_ = 0;
  std::unordered_map<GeneSet, SubsetFit, GeneSetHash> cache_;
  GeneSet best_;
  double best_fitness_ = 0;
  std::vector<TrajectoryPoint> trajectory_;
};

}  // namespace engram::genes
