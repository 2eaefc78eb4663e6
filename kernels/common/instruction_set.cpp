#include "kernels/common/instruction_set.h"

#include <algorithm>

namespace engram::kernels {
namespace {

InstructionSet most_allowed = InstructionSet::kAvx512;

}  // namespace

InstructionSet instruction_set() {
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
  static const InstructionSet best = __builtin_cpu_supports("x86-64-v4")   ? InstructionSet::kAvx512
                                     : __builtin_cpu_supports("x86-64-v3") ? InstructionSet::kAvx2
                                                                           : InstructionSet::kBaseline;
  return std::min(best, most_allowed);
#else
  return InstructionSet::kBaseline;
#endif
}

void limit_instruction_set(InstructionSet most) {
  most_allowed = most;
}

}  // namespace engram::kernels
