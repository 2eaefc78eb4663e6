#pragma once
/// Gene selection from a cohort to a ranked list (docs/methods/genes.md, "Pipeline").

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/genes/base_model.h"
#include "models/genes/cohort.h"
#include "models/genes/confounding.h"
#include "models/genes/declaration.h"
#include "models/genes/fitness/fitness.h"
#include "models/genes/listing_law.h"
#include "models/genes/prognostic.h"
#include "models/genes/screens.h"
#include "models/genes/stability.h"
#include "models/genes/treatment_weighting.h"
#include "models/genes/wrapper.h"

namespace engram::genes {

/// Whose pipeline runs.
enum class PipelineMode {
  kDefault,        ///< this project's: adjusted screens, a likelihood fitness, checks
  kTeamIntended,   ///< the hackathon team's (docs/methods/genes.md, "The problem"), as its authors describe it
  kTeamPublished,  ///< the same as its published code behaves: the reward adds the first ten differences
};

/// "default", "team-intended", "team-published".
const char* mode_name(PipelineMode mode);
/// The inverse. Throws UsageError that lists the names.
PipelineMode parse_mode(const std::string& name);

struct PipelineOptions {
  PipelineMode mode = PipelineMode::kDefault;
  std::uint64_t seed = 1;
  int genes = 10;                          ///< to report
  std::optional<Likelihood> likelihood;    ///< empty: by choose_model()
  std::optional<Fitness> fitness;          ///< empty: F3 for Cox, F4 otherwise (default mode)
  double xi = 0.5;                         ///< of F3 and F4
  Weighting weighting = Weighting::kNone;  ///< of the patients in the fitness
  FilterOptions filter;
  WrapperOptions wrapper;         ///< its seed and filter_scores are filled in
  bool adjust_prognostic = true;  ///< prognostic genes belong to the base model
  bool reward_clinical = false;   ///< team modes: clinical variables within the reward
  dim_t team_filter = 60;         ///< team modes: genes that the joint filter keeps
  int stability_splits = 50;      ///< 0: no stability selection
  int permutations = 1000;        ///< replicates of the family test; 0: no test, and nothing is declared
  int negative_controls = 20;     ///< repeats; 0: no negative control
  bool sensitivity = true;        ///< hidden_effect and adjusted of the listed genes; false leaves them 0
  int reselections = 20;  ///< replicates that repeat the whole selection, for intervals that allow for it; 0: none
  bool robust = false;    ///< errors of the listed effects are sandwich errors; so they are with clusters
};

/// A rival of a reported gene: correlated with it.
struct Duel {
  dim_t rival = 0;
  double correlation = 0;
  double drop_gene = 0, drop_rival = 0;  ///< likelihood ratios of leaving either out of the model of both
  bool ambiguous = false;                ///< they differ by less than 4
};

/// An effect that allows for the gene having been chosen (selective_interval.h), in the units of `effect`: those
/// effects at which the gene's studentised score (score_inversion.h) is what the interval allows. Its model holds the
/// genes that stand out and the gene itself: listed genes that are noise would make the errors too small.
struct SelectiveEffect {
  double effect = 0, low = 0, high = 0;
  double robust_se = 0;  ///< sandwich error in that model; 0: not estimable or not asked for, and the others are 0 too
};

/// One reported gene.
struct SelectedGene {
  dim_t gene = 0;
  double score = 0;     ///< what ranks it: share of seeds x likelihood ratio (default), difference of arms (team modes)
  bool in_set = false;  ///< in the wrapper's best set; otherwise it fills the list
  dim_t carriers = 0, carriers_treated = 0;
  double effect = 0, se = 0;                              ///< of gene x treatment on the chosen scale, joint model
  double main_effect = 0, main_se = 0;                    ///< of the gene itself, same model
  double drop = 0;                                        ///< likelihood ratio of the product given all the others
  double other_effect = 0, other_se = 0, other_drop = 0;  ///< the same on the other scale
  double seed_share = 0, usage = 0;                       ///< of the wrapper's seeds and bees
  double stability = 0;                                   ///< share of half-samples that chose it
  double family_z = 0, family_p = 1;                      ///< of the family test (FamilyTest); z > 0: more benefit
  SelectiveEffect selective;                              ///< `effect` and its interval, given the selection
  double e_value = 1;                                     ///< of the Cox hazard ratio of gene x treatment
  double hidden_effect = 0;                               ///< weakest `effect` with a simulated hidden factor
  AdjustedEffect adjusted;                                ///< `effect` with weighted and with stratified patients
  bool direction_ok = false;                              ///< more benefit from treatment, on the chosen scale
  bool both_scales = false;  ///< the same sign and a likelihood ratio above 3.84 on both scales
  std::vector<Duel> duels;
  /// Family-wise, given each of its correlates (Claim::p); 1 where the gene is not claimed.
  double apart_p = 1;
  /// Passes every check: direction, both scales, family-wise p < 0.05 also given each correlate; and the control held.
  bool declared = false;
  /// Of a group that is declared though none of its genes is: this gene or one of `alternatives` changes what the
  /// treatment does.
  bool group_declared = false;
  std::vector<dim_t> alternatives;  ///< the group's other genes
};

/// Everything the pipeline found out.
struct Selection {
  PipelineMode mode = PipelineMode::kDefault;
  ModelChoice choice;
  ConfoundingReport confounding;
  Likelihood likelihood = Likelihood::kLogLogistic;  ///< in use
  Likelihood other_likelihood = Likelihood::kCox;    ///< the second scale
  Fitness fitness = Fitness::kAftEbic;               ///< in use
  std::vector<FilteredGene> filtered;                ///< the candidates, in the filter's order
  PrognosticGenes prognostic;
  WrapperResult wrapper;
  std::vector<SelectedGene> genes;  ///< the ranked list
  Stability stability;
  Declaration declaration;  ///< without replicates: not run
  NegativeControl control;
  ListingLaw listing;        ///< how the choice treats a gene, from the reselections
  int reselections = 0;      ///< that were run
  bool interrupted = false;  ///< `stop` ended it; what was not reached is empty
};

/// The genes of the list, best first.
std::vector<dim_t> listed_genes(const Selection& selection);

/// The options without stability selection, permutations, negative controls, sensitivity and reselections, for runs
/// that only need the list; its screens run on the CPU, since such runs are many and side by side.
PipelineOptions without_slow_checks(PipelineOptions options);

/// Says which stage runs ("screens", "wrapper", ...) and how far it is: done of total.
using PipelineProgress = std::function<void(const char* stage, std::int64_t done, std::int64_t total)>;

/// Runs the pipeline. The same options and seed give the same result at any number of threads. Throws DataError when
/// everybody or nobody was treated, nobody died, or no gene varies; UsageError for options out of range.
Selection select_genes(const Cohort& cohort, const PipelineOptions& options, const PipelineProgress& progress = {},
                       const std::function<bool()>& stop = {});

}  // namespace engram::genes
