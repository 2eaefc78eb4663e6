#pragma once
/// The commands of engram-bench. Each reads the call's words, and returns its exit code or throws.

#include "apps/common/call.h"
#include "apps/common/cli.h"
#include "bench/engram_bench/measure_cases.h"

namespace engram::bench {

int run_list(apps::Call& call);
int run_run(apps::Call& call);
int run_counts(apps::Call& call);
int run_step(apps::Call& call);
int run_compare(apps::Call& call);
int run_gate(apps::Call& call);
int run_page(apps::Call& call);
int run_export(apps::Call& call);
/// What gate and counts run under callgrind; the words are cases.
int run_counted(apps::Call& call);

/// Registers what chooses cases: families, --shape, --size, --scale, --device, --order.
void add_case_options(apps::Cli& cli, CaseChoice& choice);
/// Registers how they are timed: --threads, --isa, --repeat, --sample-ms, --seed.
void add_timing_options(apps::Cli& cli, RunOptions& options);

}  // namespace engram::bench
