#pragma once
/// Family-wise significance of gene x treatment effects by permuting residuals (gene selection specification, 3.12).

#include <cstdint>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/term_design.h"

namespace engram::genes {

/// The largest |z| over all genes in each permutation, ascending.
///
/// The null model's residuals are permuted within each treatment arm (in the manner of Freedman and Lane), and every
/// gene's product with treatment, freed of treatment, clinical variables, the model's other columns and the gene's own
/// main effect, is tested against them. `columns` are those of the null model in `design`, `residuals` its residuals in
/// the cohort's order. Work per permutation: all carriers of all genes. The same seed gives the same result at any
/// number of threads. Throws UsageError for residuals of another length than the cohort.
std::vector<double> permuted_maxima(const Cohort& cohort, const survival::SurvivalDesign& design,
                                    const std::vector<dim_t>& columns, const std::vector<double>& residuals,
                                    int permutations, std::uint64_t seed);

/// Family-wise p-value of |z|: (1 + maxima that reach it) / (1 + permutations).
double family_wise_p(const std::vector<double>& maxima, double z);

}  // namespace engram::genes
