#pragma once
/// Pair counts of Harrell's and Uno's concordance in O(n log n), and each row's part in them (docs/methods/genes.md,
/// "Concordance"). Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Rows of one stratum, latest time first, events before censored at equal times.
struct ConcordanceArgs {
  dim_t rows;
  const double* time;               ///< [rows]
  const std::uint8_t* event;        ///< [rows]
  const std::int32_t* rank;         ///< [rows]: dense rank of the risk, 0 is the smallest; equal risks share one
  std::int32_t num_ranks;           ///< largest rank + 1
  const double* weight;             ///< [rows], or null: ones
  const double* pair_weight;        ///< [rows]: factor of all pairs in which the row is the earlier event; null: ones
  const double* entry;              ///< [rows] start of observation, or null
  const std::int32_t* entry_order;  ///< [rows] rows by entry, latest first; null without entry
  double* counts;          ///< [5]: concordant, discordant, tied risk, tied time (unequal risks), tied both; added to
  double* row_concordant;  ///< [rows], or null: weight of comparable pairs with the row in which it agrees, ties half,
                           ///< without the row's own weight
  double* row_comparable;  ///< [rows], null together with row_concordant: weight of all its comparable pairs
  double* workspace;       ///< concordance_workspace(num_ranks) doubles
};

/// Entry points of one back end.
struct ConcordanceKernels {
  void (*counts)(Stream, const ConcordanceArgs&);
};

/// Doubles that ConcordanceArgs::workspace needs.
dim_t concordance_workspace(dim_t num_ranks);

/// Inputs read; log2(num_ranks) additions for each insertion and two queries.
Cost concordance_cost(dim_t rows, dim_t num_ranks);

/// The CPU back end.
extern const ConcordanceKernels kCpuConcordance;

/// Every pair in turn: the oracle of the tests.
namespace reference {
void concordance(const ConcordanceArgs& args);
}  // namespace reference

}  // namespace engram::kernels
