#pragma once
/// The counts of a kernel case on the emulator, under the names that results and baselines have.

#include "bench/engram_bench/figures.h"
#include "bench/kernel_report/measure.h"

namespace engram::bench {

/// Exceptions from the limits, and registers and spills, as the repository has them.
inline constexpr const char* kLimitsFile = ENGRAM_SOURCE_DIR "/bench/gates/kernel_limits.json";
inline constexpr const char* kBudgetFile = ENGRAM_SOURCE_DIR "/bench/gates/ptxas_budget.json";

/// Launches, requests, sectors, ideal sectors, bytes moved, bank conflicts, barriers; registers and spills of the
/// kernels where the budget has them.
Figures counts_of(const CaseResult& result);

}  // namespace engram::bench
