#pragma once
/// Binary gene columns as the screens read them.

#include "kernels/common/types.h"

namespace engram::kernels {

/// Packed gene columns and lists of carriers. A gene j has a list if list_offsets[j + 1] - list_offsets[j] equals
/// counts[j]; its bit column is there always.
struct GeneView {
  dim_t patients, genes;
  const std::uint64_t* bits;  ///< [genes, words_per_gene]; patient i is bit i % 64 of word i / 64
  dim_t words_per_gene;
  const dim_t* counts;         ///< [genes] carriers
  const dim_t* list_offsets;   ///< [genes + 1] into lists
  const std::uint32_t* lists;  ///< carriers' positions, ascending within a gene
};

}  // namespace engram::kernels
