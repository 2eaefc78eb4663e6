#pragma once
/// Times kernel cases: rounds in which every case comes once, in an order that is drawn anew.

#include <cstdint>
#include <ostream>
#include <string>

#include "bench/engram_bench/cases.h"
#include "bench/engram_bench/results.h"

namespace engram::bench {

/// What `run` measures, and how.
struct RunOptions {
  CaseChoice cases;
  int rounds = 15, threads = 0;
  std::string isa = "best";  ///< or "avx2", "baseline"
  double sample_ms = 2;
  std::uint64_t seed = 1;  ///< of the orders
  std::string session;
};

/// Runs the chosen cases. Throws UsageError and DeviceError.
Results measure_cases(const RunOptions& options);

/// The table: time, rates, shares, and whether the machine was quiet.
void print_results(std::ostream& out, const Results& results);

/// Whether the machine was quiet, and by what figures.
void print_quietness(std::ostream& out, const Conditions& conditions);

}  // namespace engram::bench
