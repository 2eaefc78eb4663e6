#include "models/genes/few_genes.h"

#include <algorithm>
#include <cstdint>

namespace engram::genes {

Cohort with_genes(const Cohort& cohort, const std::vector<dim_t>& genes) {
  Cohort few = cohort;
  few.gene_names.clear();
  std::vector<std::uint64_t> bits;
  for (const dim_t gene : genes) {
    few.gene_names.push_back(cohort.gene_names[std::size_t(gene)]);
    const auto column = cohort.genes.bits(gene);
    bits.insert(bits.end(), column.begin(), column.end());
  }
  few.genes = GeneColumns(cohort.num_patients(), dim_t(genes.size()), std::move(bits));
  return few;
}

std::vector<dim_t> positions(const std::vector<dim_t>& some, std::vector<dim_t>& all) {
  std::vector<dim_t> at;
  for (const dim_t gene : some) {
    const auto found = std::ranges::find(all, gene);
    at.push_back(found - all.begin());
    if (found == all.end()) all.push_back(gene);
  }
  return at;
}

}  // namespace engram::genes
