#include "bench/step/timing.h"

#include <omp.h>
#include <sys/resource.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/allocator.h"
#include "engine/compute_mode.h"
#include "engine/ops/conv2d.h"
#include "kernels/common/error.h"

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

void parse_step_options(int argc, char** argv, const std::string& what, StepOptions& options) {
  CLI::App app(what);
  app.add_option("--arch", options.arch, "network")->capture_default_str();
  app.add_option("--batch", options.batch, "images a step")->check(CLI::PositiveNumber)->capture_default_str();
  add_timing_options(app, options);
  app.add_option("--device", options.device_name, "cpu, cuda, emu")->capture_default_str();
  app.add_option("--math", options.math, "f32, tf32, bf16: how products are computed on a GPU")->capture_default_str();
  app.add_flag("--exact", options.exact, "direct convolutions instead of Winograd");
  app.add_flag("--graph,!--no-graph", options.graph, "on a GPU, steps repeat one captured graph");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  try {
    options.device = parse_device(options.device_name);
    set_math_mode(parse_math_mode(options.math));
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    std::exit(4);
  }
  omp_set_num_threads(options.threads);
  set_conv_policy(options.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
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

void time_steps(const StepOptions& options, const std::function<void()>& step) {
  const StepTimes times = measure_steps(options, step);
  nlohmann::json line = {
      {"seconds_per_step", times.wall}, {"cpu_seconds_per_step", times.cpu}, {"peak_rss_bytes", times.peak_rss_bytes}};
  if (!options.device.is_cpu())
    line["peak_device_bytes"] = CachingAllocator::of(options.device).stats().peak_live_bytes;
  std::cout << line.dump() << "\n";
}

}  // namespace engram::bench
