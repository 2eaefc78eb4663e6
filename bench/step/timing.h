#pragma once
/// What the step programs share: their command line, and the line of JSON that bench/peers/compare reads.

#include <functional>
#include <string>

namespace engram::bench {

struct StepOptions {
  std::string arch = "resnet34";
  int batch = 32, threads = 2, warmup = 2, steps = 5;
  bool exact = false;
};

/// Reads the command line into `options` and applies thread count and convolution policy. Exits on --help and errors.
void parse_step_options(int argc, char** argv, const std::string& what, StepOptions& options);

/// Runs `step` warmup + steps times and prints wall and CPU times of the latter and the process's peak resident memory.
void time_steps(const StepOptions& options, const std::function<void()>& step);

}  // namespace engram::bench
