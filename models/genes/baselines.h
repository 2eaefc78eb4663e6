#pragma once
/// Rankings by simple methods, for comparison (docs/methods/genes.md, "Searches and rankings for comparison").

#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/forward_terms.h"

namespace engram::genes {

/// Products in the order in which forward selection over main effects and products of `candidates` lets them in, those
/// of more benefit from treatment only; at most `genes`.
std::vector<dim_t> rank_by_forward(const Cohort& cohort, const std::vector<dim_t>& candidates, Likelihood likelihood,
                                   int genes);

/// Products by their coefficient at the cross-validated minimum of a lasso-Cox path over main effects and products of
/// `candidates` (treatment and clinical variables unpenalised), those of more benefit only, largest first.
std::vector<dim_t> rank_by_lasso(const Cohort& cohort, const std::vector<dim_t>& candidates, std::uint64_t seed);

/// Candidates by untreated - treated Cox coefficient, both arms' models holding all candidates and the clinical
/// variables. Empty where an arm has fewer than twice as many deaths as terms.
std::vector<dim_t> rank_by_arm_contrast(const Cohort& cohort, const std::vector<dim_t>& candidates);

/// Modified covariates (Tian, Alizadeh, Gentles, Tibshirani 2014): one Cox model of treatment and g (2T - 1) / 2 of all
/// candidates without main effects, patients weighted by 1 / P(T = t | clinical), robust errors; by z, most benefit
/// first.
std::vector<dim_t> rank_by_modified_covariates(const Cohort& cohort, const std::vector<dim_t>& candidates,
                                               const std::vector<double>& propensity);

}  // namespace engram::genes
