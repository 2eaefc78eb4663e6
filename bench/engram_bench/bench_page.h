#pragma once
/// bench.html: a run of engram-bench for people.

#include <string>
#include <vector>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// A self-contained page about the last of the results: the roofline with every kernel, its table; and where there are
/// several, their medians over commits, a chart a family, and a heat map of slowdowns against the first. Results of
/// another machine than the last's are left out and counted. `history` is in the order of time and not empty.
std::string bench_page(const std::vector<Results>& history);

}  // namespace engram::bench
