#pragma once
/// Gene columns from rows that come one by one, as files hold them.

#include <cstdint>
#include <string>
#include <vector>

#include "models/genes/gene_columns.h"

namespace engram::genes {

/// Collects rows of a gene matrix whose length nobody knows beforehand. 64 patients at a time are kept side by side, so
/// that reading touches few cache lines, and are turned into columns at the end.
class GeneRows {
 public:
  /// Throws OutOfMemory, here or when rows come, as soon as the columns would take more than `memory_limit` bytes while
  /// they are made and sorted; `source` names the data in the message.
  GeneRows(dim_t genes, std::uint64_t memory_limit, std::string source);

  /// Starts the next patient: no gene altered.
  void begin_row();

  /// Marks a gene of the current patient.
  void set(dim_t gene) { blocks_.back()[static_cast<std::size_t>(gene)] |= bit_; }

  /// The columns of all rows so far.
  GeneColumns finish() &&;

 private:
  dim_t genes_, patients_ = 0;
  std::uint64_t memory_limit_;
  std::string source_;
  std::vector<std::vector<std::uint64_t>> blocks_;  // of 64 patients: one word a gene
  std::uint64_t bit_ = 0;
};

}  // namespace engram::genes
