/// Section "iteration" of the gate.

#include "bench/engram_bench/gate_sections.h"
#include "bench/engram_bench/iteration_counts.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

constexpr const char* kArch = "resnet34";
/// A third of the 1958 operators that the released PyTorch iteration runs (bench/peers/count_launches.py).
constexpr std::int64_t kMostGraphNodes = 652;

}  // namespace

GateState look_at_iteration() {
  const IterationCounts counts = count_iteration(kArch);
  GateState state;
  const auto add = [&](const std::string& name, std::int64_t value) {
    state.now.figures[std::string(kArch) + ": " + name] = value;
  };
  for (const auto& [name, operation] : counts.operations) {
    add(name + " calls", operation.calls);
    add(name + " bytes per image", operation.bytes.per_image);
    add(name + " bytes fixed", operation.bytes.fixed);
  }
  add("graph nodes", counts.graph_nodes);
  add("features bytes per image", counts.features_bytes.per_image);
  add("loss bytes per image", counts.loss_bytes.per_image);
  if (counts.graph_nodes > kMostGraphNodes)
    state.failures.push_back(message("expected at most ", kMostGraphNodes, " graph nodes, got ", counts.graph_nodes));
  return state;
}

}  // namespace engram::bench
