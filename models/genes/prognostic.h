#pragma once
/// Genes that change survival with or without treatment: the wrapper's models adjust for them.

#include <functional>
#include <vector>

#include "models/genes/cohort.h"
#include "models/genes/forward_terms.h"

namespace engram::genes {

struct PrognosticOptions {
  dim_t screened = 60;  ///< genes with the strongest main effects that are looked at, besides `candidates`
  double xi = 0.5;      ///< of the extended BIC that ends the selection
};

/// Prognostic genes and the selection that found them.
struct PrognosticGenes {
  std::vector<dim_t> genes;  ///< gene columns, in the order of their entry
  std::vector<dim_t> terms;  ///< gene column of each step's candidate
  std::vector<ForwardStep> steps;
};

/// Forward selection over main effects and products of `candidates` and of the genes with the strongest main effects
/// (by a Weibull score test that adjusts for treatment and clinical variables), until the gain is below log(events) + 2
/// xi log(2 genes). Returns the genes whose main effect entered. Products compete so that a gene of which only the
/// product matters does not enter by its shadow on the main effect. A strong prognostic gene that is left out of the
/// model makes its product look useful (docs/methods/genes.md, "Causal checks", rule 5).
PrognosticGenes prognostic_genes(const Cohort& cohort, const std::vector<dim_t>& candidates, Likelihood likelihood,
                                 const PrognosticOptions& options = {}, const std::function<bool()>& stop = {});

/// Score statistics z of all genes' main effects, adjusted for treatment and clinical variables, Weibull model:
/// positive for longer life. 0 for genes that do not vary.
std::vector<double> main_effect_scores(const Cohort& cohort);

}  // namespace engram::genes
