#pragma once
/// How well selected genes predict patients that took no part in their selection (docs/methods/genes.md, "Evaluation").

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "models/genes/pipeline.h"

namespace engram::genes {

/// Quality of predictions of held-out survival.
struct PredictionScore {
  double harrell = 0.5, uno = 0.5;  ///< concordance
  double partial_likelihood = 0;    ///< l_all(beta) - l_training(beta), beta fitted to the training patients
};

/// The same patients held out, predicted without genes and with them.
struct PredictionPair {
  PredictionScore base;   ///< Cox model of treatment and clinical variables
  PredictionScore genes;  ///< the same with the products of genes and treatment
};

/// Fits both models to everybody but `held_out` (positions) and predicts those. Columns that the training patients do
/// not determine count as 0. Throws UsageError for positions out of range, DataError where nobody is left or died.
PredictionPair predict_held_out(const Cohort& cohort, std::span<const dim_t> held_out, const std::vector<dim_t>& genes);

struct PredictionOptions {
  int repeats = 5;
  int folds = 5;
  std::uint64_t seed = 0;  ///< draws the folds; every repeat draws others
};

/// Chooses genes from training patients alone: one list for each of the methods that are compared (it may be empty),
/// nothing for a method that cannot be applied.
using GeneSelectors = std::function<std::vector<std::optional<std::vector<dim_t>>>(const Cohort& training)>;

/// One method's cross-validation: one entry a repeat. Concordances are means over its folds, partial likelihoods sums.
/// Empty for a method that could not be applied in some fold.
using Prediction = std::vector<PredictionPair>;

/// Cross-validates selection and model together: in every fold of every repeat the genes are chosen anew from the
/// patients outside the fold. Returns one Prediction for each list that `select` gives, `methods` of them. Folds run in
/// parallel, `select` with serial loops; the result does not depend on the number of threads. Folds that `stop` kept
/// from running leave everything empty. Throws UsageError for fewer than 1 repeat or 2 folds, DataError for fewer
/// patients than folds, and what `select` and predict_held_out() throw.
std::vector<Prediction> cross_validate(const Cohort& cohort, std::size_t methods, const GeneSelectors& select,
                                       const PredictionOptions& options,
                                       const std::function<void(int done)>& progress = {},
                                       const std::function<bool()>& stop = {});

/// Cross-validates the pipeline, without stability, permutations and controls. A fold whose training patients do not
/// allow the selection (no candidate gene, too few deaths for the joint filter J) is predicted without genes. Throws as
/// cross_validate() and select_genes().
Prediction cross_validate_pipeline(const Cohort& cohort, const PipelineOptions& pipeline,
                                   const PredictionOptions& options, const std::function<void(int done)>& progress = {},
                                   const std::function<bool()>& stop = {});

}  // namespace engram::genes
