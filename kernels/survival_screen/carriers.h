#pragma once
/// A gene's carriers, from its list or its bit column.

#include <bit>

#include "kernels/common/simd.h"
#include "kernels/survival_screen/gene_view.h"

namespace engram::kernels {

/// Calls body(patient) for each carrier, ascending.
template <class Body>
ENGRAM_ALWAYS_INLINE void for_each_carrier(const GeneView& genes, dim_t gene, const Body& body) {
  const dim_t begin = genes.list_offsets[gene], end = genes.list_offsets[gene + 1];
  if (end - begin == genes.counts[gene]) {
    for (dim_t k = begin; k < end; ++k) body(dim_t(genes.lists[k]));
    return;
  }
  const std::uint64_t* column = genes.bits + gene * genes.words_per_gene;
  for (dim_t w = 0; w < genes.words_per_gene; ++w) {
    for (std::uint64_t rest = column[w]; rest != 0; rest &= rest - 1) body(w * 64 + std::countr_zero(rest));
  }
}

}  // namespace engram::kernels
