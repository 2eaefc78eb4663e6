#pragma once
/// The whole selection on replicates in which only the genes that stand out have an effect.

#include <functional>
#include <vector>

#include "models/genes/pipeline.h"

namespace engram::genes {

/// How often the selection is repeated where `reselections` are asked for: more often for cohorts of fewer than 40
/// genes, of which a repeat tells little, so that the draws of all repeats are as many.
int repeats_for(int reselections, dim_t genes);

/// Which genes without an effect a selection lists, by their statistics: fit_listing_law() makes of them how the choice
/// treats a gene. repeats_for() replicates (ResidualReplicates) in which only `held` genes change what the
/// treatment does go through everything that made the list: screens and filter, prognostic genes, one search, ranking.
/// A gene's statistic is that of the GeneScan whose null model holds the replicate's own prognostic genes and `held`.
/// The scale is that of `selection`. Replicates that cannot be analysed add nothing. In parallel; the result depends on
/// `options.seed` alone, unless `stop` ends it.
ListingDraws listed_without_effect(const Cohort& cohort, const PipelineOptions& options, const Selection& selection,
                                   const std::vector<dim_t>& held, const std::function<void(int done)>& progress = {},
                                   const std::function<bool()>& stop = {});

}  // namespace engram::genes
