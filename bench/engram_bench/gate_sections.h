#pragma once
/// What the gate looks at, section by section.

#include <functional>
#include <string>
#include <vector>

#include "bench/engram_bench/gate_baseline.h"

namespace engram::bench {

/// A section as this build has it.
struct GateState {
  GateSection now;
  /// What is wrong whatever the baseline says, one text each: limits of the kernels, findings of the checker.
  std::vector<std::string> failures;
  /// Why the section could not be looked at here ("valgrind is not installed"); empty when it was.
  std::string not_run;
};

struct GateSectionKind {
  std::string name, what;
  double tolerance = 0;  ///< of a figure, relative
  std::function<GateState()> look;
};

/// steps, iteration, kernels, ptxas, instructions.
const std::vector<GateSectionKind>& gate_sections();

/// What figures of compiled code follow from beside the source: "GCC 12.2.0, Release", and flags where there are some.
std::string made_by_this_build();

/// Adds what the third of three steps on the CPU does, by then every cache and state exists: calls, bytes and
/// operations of every operation, allocations, peak memory.
void count_step(const std::string& row, const std::function<void()>& step, Figures& figures);

/// One training step and one iteration of NaturalInversion on the CPU: calls, bytes and operations of every operation,
/// allocations, peak memory. The same at every thread count.
GateState look_at_steps();
/// One iteration of NaturalInversion on the emulated device: calls, bytes, nodes of the captured graph.
GateState look_at_iteration();
/// Every CUDA kernel case on the emulator, and the limits of bench/gates/kernel_limits.json.
GateState look_at_kernels();
/// Registers, spills and shared memory of every CUDA kernel, where nvcc is (bench/gates/ptxas_budget).
GateState look_at_ptxas();
/// Instructions of chosen CPU kernels on one thread, counted by callgrind.
GateState look_at_instructions();

}  // namespace engram::bench
