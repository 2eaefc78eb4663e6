#pragma once
/// Every method of gene selection that is compared, on equal terms (docs/methods/genes.md, "Searches and rankings for
/// comparison" and "Evaluation").

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/genes/pipeline.h"
#include "models/genes/prediction.h"

namespace engram::genes {

/// How the compared methods run.
struct ComparisonOptions {
  std::uint64_t seed = 1;
  std::int64_t evaluations = 1500;  ///< of every search; the default pipeline gets them for each of `pipeline_seeds`
  int pipeline_seeds = 1;           ///< of the default pipeline's wrapper
  int genes = 10;                   ///< reported
  FilterOptions filter;
  std::optional<Fitness> fitness;          ///< of the searches and the default pipeline; empty: F3 or F4, as the scale
  Weighting weighting = Weighting::kNone;  ///< of the patients in it
  bool adjust_prognostic = true;           ///< prognostic genes belong to its base model
  std::vector<std::string> methods;        ///< empty: all
};

/// The answer of one method.
struct MethodResult {
  std::string method;
  bool applicable = true;        ///< false where the data do not allow it
  std::string note;              ///< why not, or what is special
  std::vector<dim_t> ranking;    ///< best first; as many as the method ranks
  double fitness = 0;            ///< of the searches: the best found
  std::int64_t evaluations = 0;  ///< of the searches
  std::vector<TrajectoryPoint> trajectory;
  int declared = -1;  ///< genes that the method claims with confidence; -1 where it makes no such claim
  double seconds = 0;
};

/// Names of all methods, in the order of the tables:
/// "pipeline" (this project's default), "pipeline-forward" (the same with greedy forward selection in place of the
/// wrapper), the searches of search_names() on the same filter and fitness ("wrapper-NAME"), "aft-forward" and
/// "cox-forward" (main effects and products), "univariate-cox", "univariate-aft", "lasso-cox", "arm-contrast",
/// "modified-covariate", "team-intended", "team-published".
const std::vector<std::string>& method_names();

/// Runs the methods on one cohort. All but the hackathon team's start from the same default filter; the searches share
/// one fitness (`options.fitness`, else F3 or F4, as choose_model() says, with the same prognostic genes in the base
/// model) and the same number of evaluations. The best set of a search becomes a list by the members' likelihood ratios
/// in their joint model, filled by the candidates that would add most. `progress`, where given, is told each finished
/// method. The same seed gives the same answers (not the same seconds) at any number of threads. Throws as
/// select_genes(), and UsageError for an unknown method.
std::vector<MethodResult> compare_methods(const Cohort& cohort, const ComparisonOptions& options,
                                          const std::function<void(int done, int total)>& progress = {},
                                          const std::function<bool()>& stop = {});

/// Cross-validates the methods: in every fold they run on the patients outside it, and the products of the genes that
/// they report predict the patients inside it. One Prediction a method, in the order of compare_methods(). Throws as
/// compare_methods() and cross_validate().
std::vector<Prediction> cross_validate_methods(const Cohort& cohort, const ComparisonOptions& options,
                                               const PredictionOptions& folds, const std::function<bool()>& stop = {});

}  // namespace engram::genes
