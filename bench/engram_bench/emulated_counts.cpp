#include "bench/engram_bench/emulated_counts.h"

namespace engram::bench {

Figures counts_of(const CaseResult& result) {
  Figures counts = {{"launches", result.launches},
                    {"bytes moved", result.bytes},
                    {"declared bytes", result.minimum_bytes()},
                    {"declared flops", result.minimum.flops},
                    {"bank conflicts", std::int64_t(result.conflicts)}};
  for (const KernelRow& row : result.kernels) {
    for (const emu::RequestCounts* requests : {&row.counts.reads, &row.counts.writes, &row.counts.atomics}) {
      counts["requests"] += std::int64_t(requests->requests);
      counts["sectors"] += std::int64_t(requests->sectors);
      counts["ideal sectors"] += std::int64_t(requests->ideal_sectors);
    }
    counts["barriers"] += std::int64_t(row.counts.barriers);
    if (!row.has_resources) continue;
    counts[row.kernel + " registers"] = row.resources.registers;
    counts[row.kernel + " spill bytes"] = row.resources.spill_bytes;
  }
  return counts;
}

}  // namespace engram::bench
