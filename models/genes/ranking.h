#pragma once
/// From a set of genes to a ranked and checked list.

#include <vector>

#include "models/genes/pipeline.h"

namespace engram::genes {

/// The ten (options.genes) genes of the default mode: members of the wrapper's best set that increase the benefit, by
/// share of seeds x likelihood ratio in the joint model. A larger set is cut by strongest_genes(), a smaller one is
/// followed by next_genes().
/// A member that loses a duel against a correlated rival gives way to it.
std::vector<SelectedGene> rank_default(const Cohort& cohort, const PipelineOptions& options, Selection& selection);

/// The team's answer: both arms refitted on the best set and the clinical variables; the genes with the largest
/// difference, untreated - treated.
std::vector<SelectedGene> rank_by_arms(const Cohort& cohort, const PipelineOptions& options,
                                       const Selection& selection);

/// Fills effects on both scales, E-values and the checks that need no more than the joint model. With `robust` errors
/// of the products are sandwich errors.
void describe_genes(const Cohort& cohort, const Selection& selection, bool robust, std::vector<SelectedGene>& genes);

/// Fills what the claims say of the listed genes that increase the benefit on both scales. A group is declared where no
/// gene of it is: what is declared of a gene holds for its group.
void declare_listed(const std::vector<Claim>& claims, std::vector<SelectedGene>& genes);

/// Fills `selective` of the listed genes, each from the model of the genes `held` (those that stand out) and itself:
/// the effects that its studentised score allows, given `selection.listing`; nothing where that is not known.
void selective_effects(const Cohort& cohort, const Selection& selection, const std::vector<dim_t>& held,
                       std::vector<SelectedGene>& genes);

/// Correlation of the carriers of two genes (phi coefficient); 0 where one of them does not vary.
double carrier_correlation(const Cohort& cohort, dim_t a, dim_t b);

}  // namespace engram::genes
