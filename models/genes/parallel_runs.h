#pragma once
/// Many independent runs of something long, on all threads.

#include <functional>

namespace engram::genes {

/// Calls `run(i)` for i in [0, count), each on one thread; loops within it run serially. `progress`, where given, is
/// told the number of finished runs, from one thread at a time. Once `stop` says so no further run begins. When a run
/// throws, the others still run, unlike in parallel_for(), and the exception of the smallest i is thrown at the end.
void parallel_runs(int count, const std::function<void(int)>& run, const std::function<void(int done)>& progress,
                   const std::function<bool()>& stop);

}  // namespace engram::genes
