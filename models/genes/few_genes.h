#pragma once
/// Cohorts of a few genes, for models that look at no others.

#include <vector>

#include "models/genes/cohort.h"

namespace engram::genes {

/// The cohort with these genes alone, in their order.
Cohort with_genes(const Cohort& cohort, const std::vector<dim_t>& genes);

/// Positions of some genes in a list of genes; those that it lacks are added to it.
std::vector<dim_t> positions(const std::vector<dim_t>& some, std::vector<dim_t>& all);

}  // namespace engram::genes
