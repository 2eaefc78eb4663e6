#pragma once
/// Cases of what the CPU alone has, at the sizes of the methods that call it.

#include <vector>

#include "bench/engram_bench/cases.h"

namespace engram::bench {

/// Kernels of the metrics of made images, at 512 features.
void add_metric_cases(std::vector<BenchCase>& all);

/// The parts of one Newton iteration of survival models at the sizes of gene selection, the fits that are made of them,
/// concordance, and a lasso path. One thread.
void add_survival_cases(std::vector<BenchCase>& all);

}  // namespace engram::bench
