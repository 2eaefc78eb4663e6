#include "models/genes/gene_rows.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram::genes {

GeneRows::GeneRows(dim_t genes, std::uint64_t memory_limit, std::string source)
    : genes_(genes), memory_limit_(memory_limit), source_(std::move(source)) {}

void GeneRows::begin_row() {
  if (patients_ % 64 == 0) {
    // The columns exist twice while blocks become columns and while patients are sorted.
    const std::uint64_t needed = 2 * GeneColumns::expected_bytes(patients_ + 1, genes_, 0);
    if (needed > memory_limit_) {
      throw OutOfMemory(message("[cohort] ", source_, ": expected data that fit into ", memory_limit_, " bytes, got ",
                                genes_, " genes of at least ", patients_ + 1, " patients, which need ", needed));
    }
    blocks_.emplace_back(static_cast<std::size_t>(genes_));
  }
  bit_ = std::uint64_t{1} << (patients_ % 64);
  ++patients_;
}

GeneColumns GeneRows::finish() && {
  const auto genes = static_cast<std::size_t>(genes_);
  const std::size_t blocks = blocks_.size();
  std::vector<std::uint64_t> columns(blocks * genes);
  // Tiles of 64 genes keep both sides in the cache.
  constexpr std::size_t kTile = 64;
  for (std::size_t first = 0; first < genes; first += kTile) {
    const std::size_t last = std::min(genes, first + kTile);
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t j = first; j < last; ++j) columns[j * blocks + b] = blocks_[b][j];
    }
  }
  blocks_ = {};
  return GeneColumns(patients_, genes_, std::move(columns));
}

}  // namespace engram::genes
