/// Section "kernels" of the gate.

#include "bench/engram_bench/emulated_counts.h"
#include "bench/engram_bench/gate_sections.h"
#include "bench/kernel_report/cases_examples.h"
#include "bench/kernel_report/gates.h"
#include "kernels/common/error.h"

namespace engram::bench {

GateState look_at_kernels() {
  const Exceptions exceptions = read_exceptions(kLimitsFile);
  const Budget budget = read_budget(kBudgetFile, "sm_90");
  GateState state;
  state.now.made_by = made_by_this_build();  // which decides how often instrumented code touches memory
  for (const KernelCase& one : report_cases()) {
    const CaseResult result = measure(one, budget, 90);
    for (const auto& [name, count] : counts_of(result)) state.now.figures[result.name + ": " + name] = count;
    for (const std::string& failure : failures_of(result, exceptions))
      state.failures.push_back(message(result.name, ": ", failure, "\n  reproduce: engram-bench counts --only ",
                                       result.name, " --sites --enforce"));
  }
  return state;
}

}  // namespace engram::bench
