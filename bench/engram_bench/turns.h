#pragma once
/// Two programs run in turns, so that whatever the machine does meets both.

#include <functional>
#include <utility>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// Runs one process of the old (false) or the new (true) program with this seed.
using RunOnce = std::function<Results(bool is_new, std::uint64_t seed)>;

/// Rounds that show a change of 10 % in one of `rows` rows on a noisy machine: 50 pairs more than the smallest p-value
/// needs. Where single pairs scatter by 7 % and one process of ten is disturbed, fewer find it in part of the runs
/// only.
int usual_rounds(int rows, double level);

/// `rounds` pairs of processes, the new one first in every other pair; of each process a row keeps the median of its
/// samples. The results have a row's medians in the order of the rounds, one session, and shares of lost time averaged.
std::pair<Results, Results> run_in_turns(int rounds, const std::string& session, const RunOnce& run);

}  // namespace engram::bench
