#include "models/genes/prediction.h"

#include <algorithm>
#include <numeric>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "models/genes/held_out_fold.h"
#include "models/genes/parallel_runs.h"

namespace engram::genes {
namespace {

PredictionScore score_of(const HeldOutFold& fold, const HeldOutFit& fit) {
  return {fold.concordance(fit.risk, survival::PairWeight::kHarrell),
          fold.concordance(fit.risk, survival::PairWeight::kUno), fit.partial_likelihood};
}

/// Fold of every patient: a random order dealt out in turns.
std::vector<int> deal(const Cohort& cohort, const PredictionOptions& options, int repeat) {
  std::vector<dim_t> order(std::size_t(cohort.num_patients()));
  std::iota(order.begin(), order.end(), dim_t{0});
  SampleRandom random(options.seed, RandomPurpose::kGeneSplit, 5, repeat);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[std::size_t(random.below(dim_t(i)))]);
  std::vector<int> fold(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) fold[std::size_t(order[i])] = int(i) % options.folds;
  return fold;
}

void add(PredictionScore& sum, const PredictionScore& score, int folds) {
  sum.harrell += score.harrell / folds;
  sum.uno += score.uno / folds;
  sum.partial_likelihood += score.partial_likelihood;
}

constexpr PredictionScore kNothing = {0, 0, 0};

/// Sums the folds up, one entry a repeat.
Prediction collect(const std::vector<std::vector<std::optional<PredictionPair>>>& folds, std::size_t method,
                   const PredictionOptions& options) {
  Prediction prediction(std::size_t(options.repeats), {kNothing, kNothing});
  for (std::size_t run = 0; run < folds.size(); ++run) {
    const std::optional<PredictionPair>& pair = folds[run][method];
    if (!pair) return {};
    PredictionPair& sum = prediction[run / std::size_t(options.folds)];
    add(sum.base, pair->base, options.folds);
    add(sum.genes, pair->genes, options.folds);
  }
  return prediction;
}

}  // namespace

PredictionPair predict_held_out(const Cohort& cohort, std::span<const dim_t> held_out,
                                const std::vector<dim_t>& genes) {
  const HeldOutColumns all(cohort, genes);
  const HeldOutFold fold(cohort, {held_out.begin(), held_out.end()}, genes);
  std::vector<int> candidates(genes.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  return {score_of(fold, fold.fit(all, all.columns({}))), score_of(fold, fold.fit(all, all.columns(candidates)))};
}

std::vector<Prediction> cross_validate(const Cohort& cohort, std::size_t methods, const GeneSelectors& select,
                                       const PredictionOptions& options, const std::function<void(int done)>& progress,
                                       const std::function<bool()>& stop) {
  if (options.repeats < 1 || options.folds < 2)
    throw UsageError(
        message("[prediction] expected at least 1 repeat and 2 folds, got ", options.repeats, " and ", options.folds));
  if (cohort.num_patients() < options.folds)
    throw DataError(message("[prediction] expected at least ", options.folds, " patients for as many folds, got ",
                            cohort.num_patients()));
  std::vector<std::vector<int>> fold_of;
  for (int repeat = 0; repeat < options.repeats; ++repeat) fold_of.push_back(deal(cohort, options, repeat));
  const int runs = options.repeats * options.folds;
  const std::vector<std::optional<PredictionPair>> none(methods);
  std::vector<std::vector<std::optional<PredictionPair>>> pairs(static_cast<std::size_t>(runs), none);
  parallel_runs(
      runs,
      [&](int run) {
        std::vector<dim_t> held_out;
        for (dim_t i = 0; i < cohort.num_patients(); ++i)
          if (fold_of[std::size_t(run / options.folds)][std::size_t(i)] == run % options.folds) held_out.push_back(i);
        const auto lists = select(select_patients(cohort, training_patients(cohort, held_out)));
        for (std::size_t m = 0; m < std::min(methods, lists.size()); ++m)
          if (lists[m]) pairs[std::size_t(run)][m] = predict_held_out(cohort, held_out, *lists[m]);
      },
      progress, stop);
  std::vector<Prediction> predictions;
  for (std::size_t m = 0; m < methods; ++m) predictions.push_back(collect(pairs, m, options));
  return predictions;
}

Prediction cross_validate_pipeline(const Cohort& cohort, const PipelineOptions& pipeline,
                                   const PredictionOptions& options, const std::function<void(int done)>& progress,
                                   const std::function<bool()>& stop) {
  const PipelineOptions bare = without_slow_checks(pipeline);
  const auto select = [&](const Cohort& training) {
    std::vector<std::optional<std::vector<dim_t>>> lists(1);
    try {
      const Selection selection = select_genes(training, bare, {}, stop);
      if (!selection.interrupted) lists[0] = listed_genes(selection);
    } catch (const DataError&) {  // no candidate gene: nothing is chosen
      lists[0].emplace();
    }
    return lists;
  };
  return cross_validate(cohort, 1, select, options, progress, stop).front();
}

}  // namespace engram::genes
