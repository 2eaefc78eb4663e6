#include "bench/step/timing.h"

#include <sys/resource.h>
#include <time.h>

#include <CLI/CLI.hpp>

namespace engram::bench {
namespace {

double clock_seconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// Runs `work`, and adds what it took where it counts.
void add_time(const std::function<void()>& work, bool counts, StepTimes& times) {
  const double wall_start = clock_seconds(CLOCK_MONOTONIC), cpu_start = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
  work();
  if (!counts) return;
  times.wall.push_back(clock_seconds(CLOCK_MONOTONIC) - wall_start);
  times.cpu.push_back(clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
}

}  // namespace

void add_timing_options(CLI::App& app, StepOptions& options) {
  app.add_option("--threads", options.threads, "threads")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--warmup", options.warmup, "steps before the timed ones")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--steps", options.steps, "timed steps")->check(CLI::PositiveNumber)->capture_default_str();
}

StepTimes measure_steps(const StepOptions& options, const std::function<void()>& step) {
  return measure_in_turns(options, step, [] {}).first;
}

std::pair<StepTimes, StepTimes> measure_in_turns(const StepOptions& options, const std::function<void()>& step,
                                                 const std::function<void()>& other) {
  std::pair<StepTimes, StepTimes> times;
  for (int i = 0; i < options.warmup + options.steps; ++i) {
    add_time(step, i >= options.warmup, times.first);
    add_time(other, i >= options.warmup, times.second);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  times.first.peak_rss_bytes = times.second.peak_rss_bytes = usage.ru_maxrss * 1024;
  return times;
}

}  // namespace engram::bench
