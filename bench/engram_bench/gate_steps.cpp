/// Section "steps" of the gate.

#include <functional>

#include "bench/engram_bench/gate_sections.h"
#include "bench/step/product_steps.h"
#include "engine/allocator.h"
#include "engine/profiler.h"

namespace engram::bench {

void count_step(const std::string& row, const std::function<void()>& step, Figures& figures) {
  step();
  step();
  auto& allocator = CachingAllocator::cpu();
  const AllocatorStats before = allocator.stats();
  allocator.reset_peak();
  profiler::reset();
  profiler::enable(true);
  step();
  profiler::enable(false);
  const AllocatorStats after = allocator.stats();
  const auto add = [&](const std::string& name, std::int64_t value) { figures[row + ": " + name] = value; };
  for (const OpRecord& record : profiler::records()) {
    add(record.name + " calls", record.calls);
    add(record.name + " bytes read", record.cost.bytes_read);
    add(record.name + " bytes written", record.cost.bytes_written);
    add(record.name + " flops", record.cost.flops);
  }
  add("allocations", after.num_requests - before.num_requests);
  add("peak bytes", after.peak_live_bytes - before.live_bytes);
}

GateState look_at_steps() {
  GateState state;
  {
    TrainingSteps step("resnet20", 16);
    count_step(
        "train resnet20 batch 16", [&] { step.run(); }, state.now.figures);
  }
  {
    InversionSteps step("resnet18-w32", 8);
    count_step(
        "inversion resnet18-w32 batch 8", [&] { step.run(); }, state.now.figures);
  }
  return state;
}

}  // namespace engram::bench
