#pragma once
/// The fitness functions F1 to F6 of gene subsets (docs/methods/genes.md, "Fitness").

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/search/subset_objective.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// What is asked of a subset.
enum class Fitness {
  kArmContrast,         ///< F1: sum of the ten largest differences of the arms' Cox coefficients
  kArmContrastFirst10,  ///< F1 as the hackathon team published it: the first ten of the filter's order, not the largest
  kArmContrastZ,        ///< F2: the differences in units of their standard error
  kCoxEbic,             ///< F3: extended BIC of one Cox model with products
  kAftEbic,             ///< F4: the same with a parametric likelihood
  kHeldOutConcordance,  ///< F5: mean held-out concordance over five folds, less 0.001 a gene
  kHeldOutLikelihood,   ///< F6: gain of the cross-validated partial likelihood over no gene, relative
};

/// "f1", "f1-first10", "f2", "f3", "f4", "f5", "f6".
const char* fitness_name(Fitness fitness);
/// The inverse. Throws UsageError that lists the names.
Fitness parse_fitness(const std::string& name);
const std::vector<std::string>& fitness_names();

struct FitnessOptions {
  Fitness kind = Fitness::kAftEbic;
  bool clinical = true;       ///< F1, F2: adjust each arm's model for the clinical variables
  double xi = 0.5;            ///< F3, F4: weight of the number of subsets of the same size (Chen and Chen 2008)
  bool main_effects = false;  ///< F3, F4: every gene brings its main effect too, at the price of two parameters
  bool uno = false;           ///< F5: Uno's concordance instead of Harrell's
  Likelihood distribution = Likelihood::kLogLogistic;  ///< of F4
  std::vector<dim_t> adjust;                           ///< F3 to F6: genes whose main effects belong to the base model
};

/// The fitness of subsets of `candidates` (gene columns of the cohort, at most GeneSet::kMaxGenes, in the filter's
/// order). Case weights of the cohort weight every likelihood and concordance, and make the errors of F2 robust. The
/// parametric models leave out patients with time <= 0.
/// F1, F2: coefficients that are aliased or without bound count as no difference. F5 and F6: patient i (row of the
/// input) is in fold i mod 5. The empty set has fitness 0.
/// Throws UsageError for candidates or settings out of range, and DataError where an arm or fold has no events.
std::unique_ptr<SubsetObjective> make_fitness(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                              const FitnessOptions& options);

}  // namespace engram::genes
