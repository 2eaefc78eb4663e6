#pragma once
/// The report as text.

#include <ostream>
#include <vector>

#include "bench/kernel_report/measure.h"

namespace engram::bench {

/// One line a kernel and one a case: launches, requests, sectors a request, efficiency, bytes, conflicts, lanes,
/// barriers, registers, spills, occupancy, modelled times.
void print_table(std::ostream& out, const std::vector<CaseResult>& results, int compute_capability);

/// Program points of a case, worst first: what to look at when a gate fails.
void print_sites(std::ostream& out, const CaseResult& result);

}  // namespace engram::bench
