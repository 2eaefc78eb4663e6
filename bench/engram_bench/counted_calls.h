#pragma once
/// Instructions of CPU kernels, counted by callgrind.

#include <string>
#include <vector>

#include "bench/engram_bench/figures.h"

namespace engram::bench {

/// Runs each case once on one thread, warm, inside the function whose instructions callgrind collects. What a process
/// under callgrind does.
void run_counted_calls(const std::vector<std::string>& cases);

/// Whether valgrind can be started.
bool has_callgrind();

/// Instructions of one warm call of each case on one thread, by a process of this program under callgrind, which shows
/// code that has AVX2 as well and nothing newer. Throws DataError when callgrind's files are not as expected.
Figures counted_instructions(const std::vector<std::string>& cases);

}  // namespace engram::bench
