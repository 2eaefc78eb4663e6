#pragma once
/// Results in the formats that other tools read.

#include <string>
#include <vector>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// Google Benchmark's JSON: each sample a repetition, then mean, median and stddev; what its compare.py reads.
std::string google_benchmark_json(const Results& results);

/// The list that github-action-benchmark takes as customSmallerIsBetter: a median a row, with the quartiles as range.
std::string github_action_json(const Results& results);

/// Bencher Metric Format: for each row its latency in ns between the quartiles, its throughput in calls a second, and
/// its counts.
std::string bencher_json(const Results& results);

/// NVBench's JSON, version 1.0.0 of its format: a benchmark a family, a state an entry.
std::string nvbench_json(const Results& results);

/// Names of the formats, for the command line: "google-benchmark", ...
const std::vector<std::string>& export_formats();

/// The results in the format of that name. Throws UsageError for another.
std::string exported(const Results& results, const std::string& format);

}  // namespace engram::bench
