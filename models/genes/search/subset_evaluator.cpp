#include "models/genes/search/subset_evaluator.h"

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "models/genes/forward_terms.h"

namespace engram::genes {
namespace {

// A fit touches some hundred thousand numbers: enough to be worth a thread.

}  // namespace

SubsetEvaluator::SubsetEvaluator(const SubsetObjective& objective, std::int64_t budget)
    : objective_(objective), budget_(budget) {
  const int genes = objective.num_genes();
  if (genes < 1 || genes > GeneSet::kMaxGenes)
    throw UsageError(message("[search] expected 1 to ", GeneSet::kMaxGenes, " candidate genes, got ", genes));
  if (budget < 1) throw UsageError(message("[search] expected at least 1 evaluation, got ", budget));
  cache_.emplace(GeneSet{}, SubsetFit{});
}

double SubsetEvaluator::evaluate(const GeneSet& set, const GeneSet& near) {
  return evaluate(std::span<const GeneSet>(&set, 1), near).front();
}

std::vector<double> SubsetEvaluator::evaluate(std::span<const GeneSet> sets, const GeneSet& near) {
  requests_ += std::int64_t(sets.size());
  std::vector<GeneSet> fresh;
  std::unordered_map<GeneSet, bool, GeneSetHash> queued;
  for (const GeneSet& set : sets) {
    if (std::int64_t(fresh.size()) == budget_ - evaluations_) break;
    if (!cache_.contains(set) && queued.emplace(set, true).second) fresh.push_back(set);
  }
  const auto known = cache_.find(near);
  const SubsetFit* start = known == cache_.end() || known->second.coefficients.empty() ? nullptr : &known->second;
  std::vector<SubsetFit> fits(fresh.size());
  kernels::parallel_for(dim_t(fresh.size()), kWorkOfFit,
                        [&](dim_t i) { fits[std::size_t(i)] = objective_.fit(fresh[std::size_t(i)], start, near); });
  for (std::size_t i = 0; i < fresh.size(); ++i) record(fresh[i], std::move(fits[i]));
  std::vector<double> values;
  values.reserve(sets.size());
  for (const GeneSet& set : sets) {
    const auto found = cache_.find(set);
    values.push_back(found == cache_.end() ? kNotEvaluated : found->second.fitness);
  }
  return values;
}

void SubsetEvaluator::record(const GeneSet& set, SubsetFit fit) {
  ++evaluations_;
  last_new_request_ = requests_;
  if (best_.empty() || fit.fitness > best_fitness_) {
    best_ = set;
    best_fitness_ = fit.fitness;
    trajectory_.push_back({evaluations_, best_fitness_});
  }
  cache_.emplace(set, std::move(fit));
}

std::vector<TrajectoryPoint> SubsetEvaluator::trajectory() const {
  std::vector<TrajectoryPoint> points = trajectory_;
  if (!points.empty() && points.back().evaluations < evaluations_) points.push_back({evaluations_, best_fitness_});
  return points;
}

std::vector<double> SubsetEvaluator::coefficients(const GeneSet& set) const {
  const auto found = cache_.find(set);
  return found == cache_.end() ? std::vector<double>{} : found->second.coefficients;
}

}  // namespace engram::genes
