#include "bench/engram_bench/iteration_text.h"

#include "apps/common/call.h"
#include "bench/engram_bench/iteration_counts.h"
#include "emulator/model/machine.h"

namespace engram::bench {
namespace {

void print_operations(std::ostream& out, const IterationCounts& counts, std::int64_t batch) {
  apps::print(out, "%-28s %6s %14s %14s %12s\n", "operation", "calls", "MB/batch", "MB fixed", "GFLOP");
  for (const auto& [name, operation] : counts.operations)
    apps::print(out, "%-28s %6lld %14.1f %14.1f %12.2f\n", name.c_str(), static_cast<long long>(operation.calls),
                double(batch * operation.bytes.per_image) / 1e6, double(operation.bytes.fixed) / 1e6,
                double(operation.flops.at(batch)) / 1e9);
}

/// Each operation at the slower of memory and arithmetic, one after the other.
double roofline_seconds(const IterationCounts& counts, const emu::Machine& machine, std::int64_t batch) {
  double seconds = 0;
  for (const auto& [name, operation] : counts.operations)
    seconds += emu::roofline_seconds(machine, operation.bytes.at(batch), operation.flops.at(batch));
  return seconds;
}

}  // namespace

int print_iteration(std::ostream& out, const std::string& arch, std::int64_t batch) {
  const IterationCounts counts = count_iteration(arch);
  apps::print(out, "NaturalInversion of %s, one iteration, %lld images, f32\n\n", arch.c_str(),
              static_cast<long long>(batch));
  print_operations(out, counts, batch);
  const Linear bytes = counts.bytes();
  apps::print(out, "\nactivation traffic (bytes that grow with the batch)  %8.3f GB\n",
              double(batch * bytes.per_image) / 1e9);
  apps::print(out, "  of it the classifier's features                    %8.3f GB\n",
              double(batch * counts.features_bytes.per_image) / 1e9);
  apps::print(out, "  and its pass with statistics and back              %8.3f GB\n",
              double(batch * counts.loss_bytes.per_image) / 1e9);
  apps::print(out, "parameters, gradients and optimiser state            %8.3f GB\n", double(bytes.fixed) / 1e9);
  apps::print(out, "nodes of the captured graph (kernels, library calls, copies, fills) %lld\n",
              static_cast<long long>(counts.graph_nodes));
  for (const emu::Machine& machine : emu::machines())
    apps::print(out, "roofline on %s (model, f32 without tensor cores): %.2f ms\n", machine.name,
                1e3 * roofline_seconds(counts, machine, batch));
  return 0;
}

}  // namespace engram::bench
