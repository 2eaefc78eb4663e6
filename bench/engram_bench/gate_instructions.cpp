/// Section "instructions" of the gate.

#include "bench/engram_bench/counted_calls.h"
#include "bench/engram_bench/gate_sections.h"

namespace engram::bench {

GateState look_at_instructions() {
  // Kernels of our own that call no library, whose code follows from the compiler alone.
  static const std::vector<std::string> kCases = {
      "batch_norm/eval",        "bn_stats_match/forward", "bn_stats_match/backward", "channel_scale/forward",
      "channel_scale/backward", "image_prior/forward",    "softmax_xent/forward"};
  GateState state;
  state.now.made_by = made_by_this_build();
  if (has_callgrind())
    state.now.figures = counted_instructions(kCases);
  else
    state.not_run = "valgrind is not installed";
  return state;
}

}  // namespace engram::bench
