#pragma once
/// Walking the tie groups of sorted risk sets, and the entry points that share it.

#include "kernels/common/simd.h"
#include "kernels/cox_partial/cox_partial.h"

namespace engram::kernels {

/// What group k adds to and takes from the risk set of the later group before it: rows [row_begin, risk_end) join,
/// positions [entry_begin, entry_end) of entry_order leave.
struct RiskSetStep {
  dim_t row_begin, entry_begin;
};

/// `first` is the first group of k's stratum.
ENGRAM_ALWAYS_INLINE RiskSetStep risk_set_step(const CoxRiskSets& sets, dim_t k, dim_t first) {
  if (k == first) return {sets.groups[k].stratum_begin, sets.groups[k].stratum_begin};
  return {sets.groups[k - 1].risk_end, sets.groups[k - 1].entry_end};
}

/// One past the last group of the stratum of group `first`.
ENGRAM_ALWAYS_INLINE dim_t stratum_end(const CoxRiskSets& sets, dim_t first) {
  dim_t last = first + 1;
  while (last < sets.num_groups && sets.groups[last].stratum_begin == sets.groups[first].stratum_begin) ++last;
  return last;
}

void cox_score_residuals_cpu(Stream, const CoxScoreResidualArgs& args);
void cox_firth_cpu(Stream, const CoxFirthArgs& args);

}  // namespace engram::kernels
