#pragma once
/// Models weighted by the propensity to be treated, and stratified by it (docs/methods/genes.md, "Causal checks", rules
/// 2 and 3).

#include <string>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/confounding.h"
#include "models/genes/term_model.h"

namespace engram::genes {

/// Case weights that balance the arms. They come on top of the adjustment for clinical variables, not instead of it.
enum class Weighting {
  kNone,
  kStabilized,  ///< inverse probability of the treatment given, truncated at the 1st and 99th percentile
  kOverlap,     ///< probability of the other treatment
};

/// "none", "stabilized", "overlap".
const char* weighting_name(Weighting weighting);
/// The inverse. Throws UsageError that lists the names.
Weighting parse_weighting(const std::string& name);
const std::vector<std::string>& weighting_names();

/// The cohort with the report's weights (mean 1) as its case weights; those it had are replaced.
Cohort with_treatment_weights(const Cohort& cohort, const ConfoundingReport& report, Weighting weighting);

/// A coefficient of gene x treatment and its standard error.
struct Estimate {
  double effect = 0, se = 0;
};

/// One gene's interaction when the joint model deals with confounded treatment in other ways.
struct AdjustedEffect {
  Estimate stabilized, overlap;  ///< weighted, robust errors; on the scale asked for
  Estimate stratified;           ///< Cox with fifths of the propensity as strata: log hazard
};

/// Fits the joint model of fit_joint_model() again, weighted and stratified; one entry a gene. Throws as
/// fit_joint_model().
std::vector<AdjustedEffect> adjusted_effects(const Cohort& cohort, const std::vector<dim_t>& genes,
                                             const std::vector<dim_t>& adjust, Likelihood likelihood,
                                             const ConfoundingReport& report);

}  // namespace engram::genes
