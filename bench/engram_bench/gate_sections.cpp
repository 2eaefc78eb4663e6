#include "bench/engram_bench/gate_sections.h"

#include "bench/engram_bench/child_process.h"
#include "bench/engram_bench/surroundings.h"

namespace engram::bench {

const std::vector<GateSectionKind>& gate_sections() {
  static const std::vector<GateSectionKind> kinds = {
      {"steps", "operations, bytes, allocations and peak memory of a step", 0, look_at_steps},
      {"iteration", "launches and bytes of an inversion iteration on a device", 0, look_at_iteration},
      {"kernels", "launches, bytes, sectors, conflicts of the CUDA kernels", 0, look_at_kernels},
      {"ptxas", "registers and spills of the CUDA kernels", 0, look_at_ptxas},
      {"instructions", "instructions of CPU kernels", 0.005, look_at_instructions},
  };
  return kinds;
}

std::string made_by_this_build() {
  const Build build = this_build();
  return build.compiler + ", " + build.type + (build.flags.empty() ? "" : ", " + build.flags);
}

GateState look_at_ptxas() {
  constexpr int kSkipped = 77;
  GateState state;
  const ChildResult result = run_child({ENGRAM_SOURCE_DIR "/bench/gates/ptxas_budget"});
  if (result.code == kSkipped) state.not_run = "nvcc is not installed";
  if (result.code != 0 && result.code != kSkipped) state.failures.push_back(result.output);
  return state;
}

}  // namespace engram::bench
