#pragma once
/// Results of a simulated noisy machine.

#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "bench/engram_bench/turns.h"

namespace engram::testing {

/// Times as a shared machine gives them: slow drift that a round's two processes share in part, noise of a few percent
/// of each process and row, and disturbances that only ever slow down, by half on average, in one process of ten.
class NoisyMachine {
 public:
  explicit NoisyMachine(std::uint64_t seed) : random_(seed) {}

  /// One process over `rows` rows named "family/entryI"; times of the rows in `factors` are multiplied.
  bench::Results process(int rows, const std::map<int, double>& factors = {}) {
    drift_ = 0.9 * drift_ + 0.05 * normal_(random_);
    const bool disturbed = uniform_(random_) < 0.1;
    bench::Results results;
    results.conditions.rounds = 1;
    for (int i = 0; i < rows; ++i) {
      double seconds = 1e-4 * (i + 1) * std::exp(drift_ + 0.03 * normal_(random_));
      if (disturbed) seconds *= 1 + 0.5 * disturbance_(random_);
      const auto factor = factors.find(i);
      if (factor != factors.end()) seconds *= factor->second;
      results.rows.push_back({.name = "family/entry" + std::to_string(i), .cost = {8, 8, 1}, .seconds = {seconds}});
    }
    return results;
  }

  /// Two builds in turns, the new one with these factors.
  std::pair<bench::Results, bench::Results> turns(int rounds, int rows, const std::map<int, double>& factors = {}) {
    return bench::run_in_turns(
        rounds, "session", [&](bool is_new, std::uint64_t) { return is_new ? process(rows, factors) : process(rows); });
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
  std::exponential_distribution<double> disturbance_;
  double drift_ = 0;
};

}  // namespace engram::testing
