#pragma once
/// Results to write, read and export.

#include "bench/engram_bench/results.h"

namespace engram::testing {

/// Two families with times, and a row that has counts alone.
inline bench::Results sample_results() {
  bench::Results r;
  r.machine = {"a processor", "cpu", "AVX2", "a library", 2};
  r.build = {"GCC 12", "Release", "", "abc123"};
  r.conditions = {"2026-01-02T03:04:05Z", "s", 4, 2, 3, 0.01, 0.02};
  r.roofline = {2e9, 16e9};
  r.rows = {{.name = "batch_norm/eval",
             .cost = {1000000, 1000000, 8000000},
             .seconds = {2e-3, 1e-3, 4e-3},
             .copy_seconds = 1e-3,
             .counts = {{"launches", 3}}},
            {.name = "batch_norm/train", .cost = {8, 8, 8}, .seconds = {1e-6}},
            {.name = "pool/max", .cost = {8, 8, 8}, .seconds = {1e-6, 2e-6}},
            {.name = "pool/mean", .counts = {{"launches", 1}}}};
  return r;
}

}  // namespace engram::testing
