#include "models/genes/pipeline.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/common/error.h"
#include "models/genes/final_model.h"
#include "models/genes/hidden_confounder.h"
#include "models/genes/ranking.h"
#include "models/genes/reselection.h"

namespace engram::genes {
namespace {

constexpr std::array<const char*, 3> kModes = {"default", "team-intended", "team-published"};
constexpr int kStandingReplicates = 199;            // of a family test that declares nothing
constexpr std::int64_t kTeamEvaluations = 1000000;  // more than the published iterations can ask for

void check(const PipelineOptions& options) {
  if (options.genes < 1) throw UsageError(message("[genes] expected at least 1 gene to report, got ", options.genes));
  if (options.filter.at_most < 1 || options.filter.at_most > GeneSet::kMaxGenes)
    throw UsageError(
        message("[genes] expected a filter of 1 to ", GeneSet::kMaxGenes, " genes, got ", options.filter.at_most));
  if (options.team_filter < 1 || options.team_filter > GeneSet::kMaxGenes)
    throw UsageError(
        message("[genes] expected a filter of 1 to ", GeneSet::kMaxGenes, " genes, got ", options.team_filter));
  if (options.stability_splits < 0 || options.permutations < 0 || options.negative_controls < 0 ||
      options.reselections < 0)
    throw UsageError("[genes] expected no negative number of splits, permutations, controls or reselections");
}

/// One run of the pipeline; each stage fills its part of the selection.
class Pipeline {
 public:
  Pipeline(const Cohort& cohort, const PipelineOptions& options, const PipelineProgress& progress,
           const std::function<bool()>& stop)
      : cohort_(cohort), options_(options), progress_(progress), stop_(stop) {}

  Selection run() {
    s_.mode = options_.mode;
    const std::array<void (Pipeline::*)(), 8> stages = {
        &Pipeline::base, &Pipeline::filter,          &Pipeline::adjust,       &Pipeline::search,
        &Pipeline::rank, &Pipeline::check_stability, &Pipeline::check_chance, &Pipeline::allow_for_choice};
    for (const auto& stage : stages) {
      if (stop_ && stop_()) {
        s_.interrupted = true;
        return std::move(s_);
      }
      (this->*stage)();
    }
    s_.interrupted = stop_ && stop_();
    return std::move(s_);
  }

 private:
  bool is_default() const { return options_.mode == PipelineMode::kDefault; }

  void tell(const char* stage, std::int64_t done, std::int64_t total) const {
    if (progress_) progress_(stage, done, total);
  }

  void base() {
    tell("base model", 0, 1);
    s_.choice = choose_model(cohort_);
    s_.likelihood = options_.likelihood.value_or(s_.choice.likelihood);
    s_.other_likelihood = s_.likelihood != Likelihood::kCox ? Likelihood::kCox : best_parametric();
    s_.confounding = confounding_report(cohort_, s_.choice);
  }

  Likelihood best_parametric() const {
    const ParametricFit* best = &s_.choice.parametric.front();
    for (const ParametricFit& fit : s_.choice.parametric)
      if (fit.aic < best->aic) best = &fit;
    return best->likelihood;
  }

  void filter() {
    tell("screens", 0, 1);
    s_.filtered = is_default() ? default_filter(cohort_, options_.filter)
                               : joint_filter(cohort_, std::min(options_.team_filter, cohort_.num_genes()));
    if (s_.filtered.empty())
      throw DataError("[genes] expected genes that vary and may increase the benefit of treatment, got none");
    for (const FilteredGene& f : s_.filtered) candidates_.push_back(f.gene);
  }

  void adjust() {
    if (!is_default() || !options_.adjust_prognostic) return;
    tell("prognostic genes", 0, 1);
    s_.prognostic = prognostic_genes(cohort_, candidates_, s_.likelihood, {}, stop_);
  }

  Fitness fitness() const {
    if (options_.mode == PipelineMode::kTeamIntended) return options_.fitness.value_or(Fitness::kArmContrast);
    if (options_.mode == PipelineMode::kTeamPublished) return Fitness::kArmContrastFirst10;
    return options_.fitness.value_or(s_.likelihood == Likelihood::kCox ? Fitness::kCoxEbic : Fitness::kAftEbic);
  }

  void search() {
    s_.fitness = fitness();
    FitnessOptions options;
    options.kind = s_.fitness;
    options.clinical = is_default() || options_.reward_clinical;
    options.xi = options_.xi;
    options.distribution = s_.likelihood == Likelihood::kCox ? best_parametric() : s_.likelihood;
    options.adjust = s_.prognostic.genes;
    const auto objective =
        make_fitness(with_treatment_weights(cohort_, s_.confounding, options_.weighting), candidates_, options);
    WrapperOptions wrapper = options_.wrapper;
    wrapper.seed = options_.seed;
    for (const FilteredGene& f : s_.filtered)
      wrapper.filter_scores.push_back(std::max(std::abs(f.cox_z), std::abs(f.aft_z)));
    if (!is_default()) {  // one run of the published number of iterations
      wrapper.search = "qbso-team";
      wrapper.seeds = 1;
      wrapper.until_budget = false;
      wrapper.evaluations = kTeamEvaluations;
    }
    tell("wrapper", 0, wrapper.seeds);
    s_.wrapper = run_wrapper(
        *objective, wrapper, [&](int done) { tell("wrapper", done, wrapper.seeds); }, stop_);
  }

  void rank() {
    tell("ranking", 0, 1);
    s_.genes = is_default() ? rank_default(cohort_, options_, s_) : rank_by_arms(cohort_, options_, s_);
    describe_genes(cohort_, s_, options_.robust || !cohort_.cluster.empty(), s_.genes);
    if (options_.sensitivity) measure_sensitivity();
  }

  void measure_sensitivity() {
    const std::vector<dim_t> columns = listed_genes(s_);
    const std::vector<double> hidden =
        weakest_effects(cohort_, columns, s_.prognostic.genes, s_.likelihood, options_.seed);
    for (std::size_t i = 0; i < hidden.size(); ++i) s_.genes[i].hidden_effect = hidden[i];
    const std::vector<AdjustedEffect> adjusted =
        adjusted_effects(cohort_, columns, s_.prognostic.genes, s_.likelihood, s_.confounding);
    for (std::size_t i = 0; i < adjusted.size(); ++i) s_.genes[i].adjusted = adjusted[i];
  }

  void check_stability() {
    if (options_.stability_splits == 0) return;
    tell("stability", 0, 1);
    StabilityOptions stability;
    stability.splits = options_.stability_splits;
    stability.genes = options_.genes;
    stability.likelihood = s_.likelihood;
    stability.seed = options_.seed;
    s_.stability = stability_selection(cohort_, stability, stop_);
    for (SelectedGene& g : s_.genes) g.stability = s_.stability.share[std::size_t(g.gene)];
  }

  void check_chance() {
    if (options_.permutations == 0) return;  // without a test nothing is declared
    tell("family test", 0, 1);
    const DeclarationOptions rule{.family = family_options(options_.permutations),
                                  .other_likelihood = s_.other_likelihood};
    s_.declaration = declare_genes(cohort_, rule, stop_);
    if (options_.negative_controls > 0) {
      const int repeats = options_.negative_controls;
      tell("negative control", 0, repeats);
      s_.control = negative_control(
          cohort_, s_.confounding.propensity, rule, repeats, [&](int done) { tell("negative control", done, repeats); },
          stop_);
    }
    for (SelectedGene& g : s_.genes) {
      g.family_z = s_.declaration.family.z[std::size_t(g.gene)];
      g.family_p = s_.declaration.family.p[std::size_t(g.gene)];
    }
    if (!s_.control.failed()) declare_listed(s_.declaration.claims, s_.genes);
  }

  FamilyOptions family_options(int replicates) const {
    return {
        .likelihood = s_.likelihood, .adjust = s_.prognostic.genes, .replicates = replicates, .seed = options_.seed};
  }

  void allow_for_choice() {
    if (options_.reselections == 0 || s_.genes.empty()) return;
    const FamilyOptions family = family_options(kStandingReplicates);
    const std::vector<dim_t> held = standing_genes(
        options_.permutations > 0 ? s_.declaration.family : family_test(cohort_, family, stop_), family.level);
    const int count = repeats_for(options_.reselections, cohort_.num_genes());
    tell("reselection", 0, count);
    s_.listing = fit_listing_law(listed_without_effect(
        cohort_, options_, s_, held, [&](int done) { tell("reselection", done, count); }, stop_));
    s_.reselections = count;
    selective_effects(cohort_, s_, held, s_.genes);
  }

  const Cohort& cohort_;
  const PipelineOptions& options_;
  const PipelineProgress& progress_;
  const std::function<bool()>& stop_;
  std::vector<dim_t> candidates_;
  Selection s_;
};

}  // namespace

const char* mode_name(PipelineMode mode) {
  return kModes[std::size_t(mode)];
}

PipelineMode parse_mode(const std::string& name) {
  for (std::size_t i = 0; i < kModes.size(); ++i)
    if (name == kModes[i]) return PipelineMode(i);
  throw UsageError(message("[genes] expected a mode default, team-intended or team-published, got '", name, "'"));
}

std::vector<dim_t> listed_genes(const Selection& selection) {
  std::vector<dim_t> genes;
  for (const SelectedGene& g : selection.genes) genes.push_back(g.gene);
  return genes;
}

PipelineOptions without_slow_checks(PipelineOptions options) {
  options.stability_splits = options.permutations = options.negative_controls = options.reselections = 0;
  options.sensitivity = false;
  options.filter.device = {};
  return options;
}

Selection select_genes(const Cohort& cohort, const PipelineOptions& options, const PipelineProgress& progress,
                       const std::function<bool()>& stop) {
  check(options);
  return Pipeline(cohort, options, progress, stop).run();
}

}  // namespace engram::genes
