#pragma once
/// What the step programs share: their command line, and the line of JSON that bench/peers/compare reads.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/device.h"

namespace CLI {
class App;
}

namespace engram::bench {

struct StepOptions {
  std::string arch = "resnet34";
  int batch = 32, threads = 2, warmup = 2, steps = 5;
  bool exact = false, graph = true;
  std::string device_name = "cpu", math = "f32";
  Device device;  ///< opened from its name
};

/// Reads the command line into `options`, opens the device and applies thread count, convolution policy and math mode.
/// Exits on --help and errors.
void parse_step_options(int argc, char** argv, const std::string& what, StepOptions& options);

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

/// Measures steps and prints the line of JSON.
void time_steps(const StepOptions& options, const std::function<void()>& step);

}  // namespace engram::bench
