#include "models/genes/methods.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "kernels/common/error.h"
#include "models/genes/baselines.h"
#include "models/genes/final_model.h"
#include "models/genes/ranking.h"
#include "models/genes/search/climb.h"

namespace engram::genes {
namespace {

/// Everything that the methods share on one cohort, and the methods.
class Comparison {
 public:
  Comparison(const Cohort& cohort, const ComparisonOptions& options) : cohort_(cohort), options_(options) {
    shared_.choice = choose_model(cohort);
    shared_.likelihood = shared_.choice.likelihood;
    shared_.confounding = confounding_report(cohort, shared_.choice);
    shared_.filtered = default_filter(cohort, options.filter);
    if (shared_.filtered.empty())
      throw DataError("[genes] expected genes that vary and may increase the benefit of treatment, got none");
    for (const FilteredGene& f : shared_.filtered) {
      candidates_.push_back(f.gene);
      scores_.push_back(std::max(std::abs(f.cox_z), std::abs(f.aft_z)));
    }
    if (options.adjust_prognostic) shared_.prognostic = prognostic_genes(cohort, candidates_, shared_.likelihood);
    FitnessOptions fitness;
    fitness.kind =
        options.fitness.value_or(shared_.likelihood == Likelihood::kCox ? Fitness::kCoxEbic : Fitness::kAftEbic);
    if (shared_.likelihood != Likelihood::kCox) fitness.distribution = shared_.likelihood;
    fitness.adjust = shared_.prognostic.genes;
    objective_ =
        make_fitness(with_treatment_weights(cohort, shared_.confounding, options.weighting), candidates_, fitness);
  }

  MethodResult run(const std::string& method) {
    MethodResult result;
    result.method = method;
    const auto start = std::chrono::steady_clock::now();
    if (method == "pipeline" || method.starts_with("team-")) {
      run_pipeline(result);
    } else if (method == "pipeline-forward") {
      SubsetEvaluator evaluator(*objective_, 1000000);
      forward_selection(evaluator);
      take_search(evaluator, result);
    } else if (method.starts_with("wrapper-")) {
      SubsetEvaluator evaluator(*objective_, options_.evaluations);
      SearchRequest request;
      request.method = method.substr(8);
      request.seed = options_.seed;
      request.filter_scores = scores_;
      run_search(evaluator, request);
      take_search(evaluator, result);
    } else {
      rank_simply(result);
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
  }

 private:
  void run_pipeline(MethodResult& result) {
    PipelineOptions options;
    options.mode = result.method == "pipeline" ? PipelineMode::kDefault : parse_mode(result.method);
    options.seed = options_.seed;
    options.genes = options_.genes;
    options.filter = options_.filter;
    if (options.mode == PipelineMode::kDefault) {
      options.fitness = options_.fitness;
      options.weighting = options_.weighting;
      options.adjust_prognostic = options_.adjust_prognostic;
    }
    options.wrapper.seeds = options_.pipeline_seeds;
    options.wrapper.evaluations = options_.evaluations;
    options = without_slow_checks(options);
    options.permutations = options.mode == PipelineMode::kDefault ? 200 : 0;
    try {
      const Selection selection = select_genes(cohort_, options);
      result.declared = 0;
      for (const SelectedGene& g : selection.genes) {
        result.ranking.push_back(g.gene);
        result.declared += g.declared;
      }
      if (options.mode != PipelineMode::kDefault) result.declared = -1;
      result.fitness = selection.wrapper.fitness;
      for (const WrapperRun& run : selection.wrapper.runs) result.evaluations += run.evaluations;
      result.trajectory = selection.wrapper.runs.front().trajectory;
    } catch (const DataError& error) {
      if (options.mode == PipelineMode::kDefault) throw;
      result.applicable = false;  // the joint filter needs more deaths than twice the genes
      result.note = error.what();
    }
  }

  /// A search's best set as a list.
  void take_search(const SubsetEvaluator& evaluator, MethodResult& result) {
    result.fitness = evaluator.best_fitness();
    result.evaluations = evaluator.evaluations();
    result.trajectory = evaluator.trajectory();
    Selection selection = shared_;
    selection.wrapper.best = evaluator.best();
    selection.wrapper.seed_share.assign(candidates_.size(), 0);
    selection.wrapper.usage.assign(candidates_.size(), 0);
    for (int j : evaluator.best().members()) selection.wrapper.seed_share[std::size_t(j)] = 1;
    PipelineOptions options;
    options.genes = options_.genes;
    for (const SelectedGene& g : rank_default(cohort_, options, selection)) result.ranking.push_back(g.gene);
  }

  void rank_simply(MethodResult& result) {
    const std::string& method = result.method;
    if (method == "aft-forward") {
      result.ranking = rank_by_forward(cohort_, candidates_, Likelihood::kLogLogistic, options_.genes);
    } else if (method == "cox-forward") {
      result.ranking = rank_by_forward(cohort_, candidates_, Likelihood::kCox, options_.genes);
    } else if (method == "univariate-cox" || method == "univariate-aft") {
      result.ranking = rank_univariate(method == "univariate-cox");
    } else if (method == "lasso-cox") {
      result.ranking = rank_by_lasso(cohort_, candidates_, options_.seed);
    } else if (method == "arm-contrast") {
      result.ranking = rank_by_arm_contrast(cohort_, candidates_);
      result.applicable = !result.ranking.empty();
      if (!result.applicable) result.note = "fewer than two deaths a term in an arm";
    } else {
      result.ranking = rank_by_modified_covariates(cohort_, candidates_, shared_.confounding.propensity);
    }
  }

  std::vector<dim_t> rank_univariate(bool cox) const {
    std::vector<std::size_t> order(candidates_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto benefit = [&](std::size_t i) { return cox ? -shared_.filtered[i].cox_z : shared_.filtered[i].aft_z; };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return benefit(a) > benefit(b); });
    std::vector<dim_t> ranking;
    for (std::size_t i : order) ranking.push_back(candidates_[i]);
    return ranking;
  }

  const Cohort& cohort_;
  const ComparisonOptions& options_;
  Selection shared_;
  std::vector<dim_t> candidates_;
  std::vector<double> scores_;
  std::unique_ptr<SubsetObjective> objective_;
};

std::vector<std::string> all_names() {
  std::vector<std::string> names = {"pipeline", "pipeline-forward"};
  for (const std::string& search : search_names()) names.push_back("wrapper-" + search);
  for (const char* name : {"aft-forward", "cox-forward", "univariate-cox", "univariate-aft", "lasso-cox",
                           "arm-contrast", "modified-covariate", "team-intended", "team-published"})
    names.emplace_back(name);
  return names;
}

const std::vector<std::string>& methods_of(const ComparisonOptions& options) {
  return options.methods.empty() ? method_names() : options.methods;
}

}  // namespace

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = all_names();
  return names;
}

std::vector<MethodResult> compare_methods(const Cohort& cohort, const ComparisonOptions& options,
                                          const std::function<void(int done, int total)>& progress,
                                          const std::function<bool()>& stop) {
  const std::vector<std::string>& methods = methods_of(options);
  for (const std::string& method : methods)
    if (std::ranges::find(method_names(), method) == method_names().end())
      throw UsageError(message("[genes] expected a method such as pipeline or aft-forward, got '", method, "'"));
  Comparison comparison(cohort, options);
  std::vector<MethodResult> results;
  for (const std::string& method : methods) {
    if (stop && stop()) break;
    results.push_back(comparison.run(method));
    if (progress) progress(int(results.size()), int(methods.size()));
  }
  return results;
}

std::vector<Prediction> cross_validate_methods(const Cohort& cohort, const ComparisonOptions& options,
                                               const PredictionOptions& folds, const std::function<bool()>& stop) {
  const auto reported = [&](const Cohort& training) {
    std::vector<std::optional<std::vector<dim_t>>> lists(methods_of(options).size());
    try {
      const std::vector<MethodResult> results = compare_methods(training, options, {}, stop);
      for (std::size_t m = 0; m < results.size(); ++m) {
        if (!results[m].applicable) continue;
        const auto count = std::ptrdiff_t(std::min(results[m].ranking.size(), std::size_t(options.genes)));
        lists[m].emplace(results[m].ranking.begin(), results[m].ranking.begin() + count);
      }
    } catch (const DataError&) {  // no candidate gene: nothing is chosen
      std::ranges::fill(lists, std::vector<dim_t>());
    }
    return lists;
  };
  return cross_validate(cohort, methods_of(options).size(), reported, folds, {}, stop);
}

}  // namespace engram::genes
