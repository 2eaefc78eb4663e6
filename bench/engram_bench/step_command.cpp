/// engram-bench step TASK

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "apps/common/output_file.h"
#include "bench/engram_bench/commands.h"
#include "bench/engram_bench/step_tasks.h"
#include "bench/engram_bench/surroundings.h"
#include "engine/allocator.h"
#include "engine/compute_mode.h"
#include "engine/ops/conv2d.h"
#include "kernels/common/parallel.h"

namespace engram::bench {
namespace {

struct StepCommand {
  std::string task, device = "cpu", math = "f32";
  StepSettings settings;
  int threads = 0, warmup = 2, steps = 15;
  bool exact = false, line = false;
  std::filesystem::path out;
};

void add_settings(apps::Cli& cli, StepCommand& s) {
  cli.positional("TASK", &s.task, "train, inversion, or a registered task").choices(step_names()).required();
  cli.option("arch", &s.settings.arch, "Network of train and inversion");
  cli.option("batch", &s.settings.batch, "Images a step of train and inversion").at_least(1);
  cli.option("device", &s.device, "cpu, cuda, cuda:N, emu");
  cli.option("math", &s.math, "How products are computed on a GPU: f32, tf32, bf16");
  cli.option("exact", &s.exact, "Direct convolutions instead of Winograd");
  cli.option("graph", &s.settings.graph, "On a device, steps repeat one captured graph");
  cli.option("threads", &s.threads, "Threads of the CPU; 0 takes all").at_least(0);
  cli.option("warmup", &s.warmup, "Steps before the timed ones").at_least(0);
  cli.option("steps", &s.steps, "Timed steps").at_least(1);
  cli.group("Output");
  cli.option("line", &s.line, "One line of JSON with all samples, as bench/peers/compare reads it")
      .only_on_command_line();
  cli.option("out", &s.out, "Also write the samples to this file (JSON); - is standard output")
      .only_on_command_line()
      .output();
}

/// Steps' seconds: wall clock, and of all threads on their processors.
struct StepSeconds {
  std::vector<double> wall, cpu;
};

StepSeconds time_steps(const StepCommand& s, const std::function<void()>& step, QuietWatch& watch) {
  StepSeconds seconds;
  for (int i = 0; i < s.warmup + s.steps; ++i) {
    const double wall = clock_seconds(CLOCK_MONOTONIC), cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (s.settings.device.is_cpu()) watch.begin();
    step();
    synchronize(s.settings.device);
    if (s.settings.device.is_cpu()) watch.end();
    if (i < s.warmup) continue;
    seconds.wall.push_back(clock_seconds(CLOCK_MONOTONIC) - wall);
    seconds.cpu.push_back(clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  }
  return seconds;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t(usage.ru_maxrss) * 1024;
}

std::string json_line(const StepCommand& s, const StepSeconds& seconds) {
  nlohmann::json line = {{"seconds_per_step", seconds.wall},
                         {"cpu_seconds_per_step", seconds.cpu},
                         {"peak_rss_bytes", peak_resident_bytes()}};
  if (!s.settings.device.is_cpu())
    line["peak_device_bytes"] = CachingAllocator::of(s.settings.device).stats().peak_live_bytes;
  return line.dump() + "\n";
}

Results results_of(const StepCommand& s, const StepSeconds& seconds, const QuietWatch& watch) {
  Results results;
  results.machine = this_machine(s.device);
  results.build = this_build();
  results.conditions = {utc_now(),           "", s.settings.batch, kernels::num_threads(), s.steps, watch.lost_share(),
                        watch.others_share()};
  Row row{.name = "step/" + s.task + (s.settings.arch.empty() ? "" : " " + s.settings.arch), .seconds = seconds.wall};
  row.counts["peak allocated bytes"] = CachingAllocator::of(s.settings.device).stats().peak_live_bytes;
  results.rows.push_back(std::move(row));
  return results;
}

void print_step(std::ostream& out, const Results& results) {
  const Row& row = results.rows[0];
  const Quartiles q = quartiles(row.seconds);
  apps::print(out,
              "%s: %.3f ms a step (quartiles %.3f and %.3f, %zu steps), %d threads, peak of the allocator %.1f MB\n",
              row.name.c_str(), 1e3 * q.median, 1e3 * q.lower, 1e3 * q.upper, row.seconds.size(),
              results.conditions.threads, 1e-6 * double(row.counts.begin()->second));
  print_quietness(out, results.conditions);
}

}  // namespace

int run_step(apps::Call& call) {
  StepCommand s;
  apps::Cli cli(call, "Times steps of a training task or an inversion on random data.");
  add_settings(cli, s);
  if (!cli.parse()) return 0;
  s.settings.device = parse_device(s.device);
  set_math_mode(parse_math_mode(s.math));
  set_conv_policy(s.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
  if (s.threads > 0) kernels::set_num_threads(s.threads);
  apps::OutputFile file(call, s.out);
  const std::function<void()> step = make_step(s.task, s.settings);
  QuietWatch watch;
  const StepSeconds seconds = time_steps(s, step, watch);
  const Results results = results_of(s, seconds, watch);
  if (s.line)
    file.text() << json_line(s, seconds);
  else
    print_step(file.text(), results);
  if (!file.is_open()) return 0;
  file.write(results_json(results));
  file.commit();
  return 0;
}

}  // namespace engram::bench
