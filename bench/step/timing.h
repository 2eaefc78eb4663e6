#pragma once
/// What the step programs share: their command line and what they measure.

#include <functional>
#include <utility>
#include <vector>

namespace CLI {
class App;
}

namespace engram::bench {

struct StepOptions {
  int threads = 2, warmup = 2, steps = 5;
};

/// The options of every step program: --threads, --warmup, --steps.
void add_timing_options(CLI::App& app, StepOptions& options);

/// What steps took, without the warm-up.
struct StepTimes {
  std::vector<double> wall, cpu;  ///< seconds, one entry a step
  long peak_rss_bytes;            ///< of the process
};

/// Runs `step` warmup + steps times.
StepTimes measure_steps(const StepOptions& options, const std::function<void()>& step);
/// The same for two pieces of work that take turns, so that a slow phase of the machine meets both.
std::pair<StepTimes, StepTimes> measure_in_turns(const StepOptions& options, const std::function<void()>& step,
                                                 const std::function<void()>& other);

}  // namespace engram::bench
