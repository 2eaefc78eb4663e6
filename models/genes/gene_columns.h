#pragma once
/// Binary gene alterations of many patients, packed.

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/survival_screen/gene_view.h"

namespace engram::genes {

/// A patients x genes matrix of 0 and 1, one column of bits a gene (docs/methods/genes.md, "Cohort files"). Genes that
/// fewer than `kListBelow` of the patients carry also have their carriers' positions as a sorted list, which the
/// screens follow. Takes num_genes * num_patients / 8 bytes, and 4 bytes a listed carrier.
class GeneColumns {
 public:
  /// Largest share of carriers of a gene with a list.
  static constexpr double kListBelow = 0.2;

  GeneColumns() = default;

  /// Takes over bit columns: word w of gene j is bits[j * words_per_gene(patients) + w], bit b of it patient 64 w + b;
  /// bits beyond the last patient are cleared. Throws UsageError unless there are exactly genes * words_per_gene words,
  /// and for more than 2^31 - 1 patients.
  GeneColumns(dim_t patients, dim_t genes, std::vector<std::uint64_t> bits);

  /// Words of one column: patients / 64, rounded up.
  static dim_t words_per_gene(dim_t patients) { return (patients + 63) / 64; }

  /// Bytes that columns of these extents take if each gene has the share `frequency` of carriers.
  static std::uint64_t expected_bytes(dim_t patients, dim_t genes, double frequency);

  dim_t num_patients() const { return patients_; }
  dim_t num_genes() const { return genes_; }

  /// Whether the patient carries the gene's alteration. Indices are not checked.
  bool at(dim_t patient, dim_t gene) const { return bits(gene)[patient >> 6] >> (patient & 63) & 1; }

  /// The gene's bit column, words_per_gene words.
  std::span<const std::uint64_t> bits(dim_t gene) const;

  /// Number of patients who carry the gene.
  dim_t count(dim_t gene) const { return counts_[static_cast<std::size_t>(gene)]; }

  /// Whether `carriers(gene)` is kept; it is empty for a frequent gene without a list.
  bool has_list(dim_t gene) const { return count(gene) == list_end(gene) - list_begin(gene); }

  /// Positions of the gene's carriers, ascending; empty for a gene without a list.
  std::span<const std::uint32_t> carriers(dim_t gene) const;

  /// Writes the gene's column as 0.0 and 1.0 to out[num_patients].
  void to_doubles(dim_t gene, double* out) const;

  /// Columns of the patients `keep` (positions, in the new order; each may occur once or more). Throws UsageError for a
  /// position out of range.
  GeneColumns select_patients(std::span<const dim_t> keep) const;

  /// Raw pointers for the kernels; valid while this object lives and is not assigned to.
  kernels::GeneView view() const;

 private:
  dim_t list_begin(dim_t gene) const { return list_offsets_[static_cast<std::size_t>(gene)]; }
  dim_t list_end(dim_t gene) const { return list_offsets_[static_cast<std::size_t>(gene) + 1]; }

  dim_t patients_ = 0, genes_ = 0;
  std::vector<std::uint64_t> bits_;
  std::vector<dim_t> counts_;        // carriers a gene
  std::vector<dim_t> list_offsets_;  // [genes + 1]
  std::vector<std::uint32_t> lists_;
};

}  // namespace engram::genes
