#include "bench/engram_bench/measure_cases.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "apps/common/call.h"
#include "bench/engram_bench/case_clock.h"
#include "bench/engram_bench/hardware_counters.h"
#include "engine/roofline.h"
#include "kernels/common/error.h"
#include "kernels/common/instruction_set.h"
#include "kernels/common/parallel.h"

namespace engram::bench {
namespace {

/// A case ready to be timed, with the copy beside it.
struct Ready {
  std::unique_ptr<DeviceArrays> arrays;
  TimedCall work, copy;
  std::vector<double> copy_seconds;
};

Ready make_ready(const BenchCase& one, CaseClock& clock, double sample_seconds) {
  Ready ready;
  ready.arrays = std::make_unique<DeviceArrays>(clock.device());
  ready.work = timed_call(clock, one.prepare(*ready.arrays), sample_seconds);
  const std::int64_t bytes = one.cost.bytes_read + one.cost.bytes_written;
  ready.copy = timed_call(clock, clock.copy(*ready.arrays, bytes), sample_seconds);
  return ready;
}

double sample(CaseClock& clock, const TimedCall& timed) {
  return clock.seconds(timed.call, timed.calls) / timed.calls;
}

/// The copy's time at the row's median by the median of the rounds' ratios, which a disturbed round does not move.
double copy_beside(const Row& row, const std::vector<double>& copies) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < copies.size(); ++i) ratios.push_back(copies[i] / row.seconds[i]);
  return quartiles(ratios).median * quartiles(row.seconds).median;
}

void time_rounds(const RunOptions& options, CaseClock& clock, std::vector<Ready>& ready, std::vector<Row>& rows) {
  std::mt19937_64 random(options.seed);
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  for (int round = 0; round < options.rounds; ++round) {
    std::ranges::shuffle(order, random);
    for (const std::size_t i : order) {
      rows[i].seconds.push_back(sample(clock, ready[i].work));
      ready[i].copy_seconds.push_back(sample(clock, ready[i].copy));
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].copy_seconds = copy_beside(rows[i], ready[i].copy_seconds);
}

/// After the times, which reading counters would disturb.
void count_instructions(const HardwareCounters& counters, CaseClock& clock, const std::vector<Ready>& ready,
                        std::vector<Row>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const HardwareCounts before = counters.counts();
    clock.seconds(ready[i].work.call, ready[i].work.calls);
    const HardwareCounts after = counters.counts();
    const double calls = ready[i].work.calls;
    rows[i].hardware = {(after.instructions - before.instructions) / calls, (after.cycles - before.cycles) / calls};
  }
}

/// Columns of a row: instructions of a call, and of a cycle.
std::string instructions_text(const HardwareCounts& counts) {
  char text[32];
  if (counts.known())
    std::snprintf(text, sizeof text, "%14.0f%8.2f", counts.instructions, counts.instructions / counts.cycles);
  else
    std::snprintf(text, sizeof text, "%14s%8s", "-", "-");
  return text;
}

}  // namespace

Results measure_cases(const RunOptions& options) {
  const std::vector<BenchCase> cases = chosen_cases(options.cases);
  if (options.threads > 0) kernels::set_num_threads(options.threads);
  if (options.isa != "best")
    kernels::limit_instruction_set(options.isa == "avx2" ? kernels::InstructionSet::kAvx2
                                                         : kernels::InstructionSet::kBaseline);
  const HardwareCounters counters;  // before there are threads
  pin_threads();
  QuietWatch watch;
  const auto clock = case_clock(options.cases.device, watch);
  Results results;
  std::vector<Ready> ready;
  for (const BenchCase& one : cases) {
    ready.push_back(make_ready(one, *clock, 1e-3 * options.sample_ms));
    results.rows.push_back({.name = one.name, .cost = one.cost, .plan = one.plan ? one.plan() : ""});
  }
  time_rounds(options, *clock, ready, results.rows);
  results.no_counters =
      options.cases.device == "cpu" ? counters.reason() : "a device's instructions are not the host's";
  if (results.no_counters.empty()) count_instructions(counters, *clock, ready, results.rows);
  const auto unknown = [](const Row& row) { return !row.hardware.known(); };
  if (results.no_counters.empty() && std::ranges::any_of(results.rows, unknown))
    results.no_counters = "some stayed at 0";
  results.conditions = {utc_now(),      options.session,    options.cases.scale, kernels::num_threads(),
                        options.rounds, watch.lost_share(), watch.others_share()};
  results.machine = this_machine(clock->device_name());
  results.build = this_build();
  ready.clear();
  // The emulator's rates say nothing about a device.
  if (options.cases.device != "emu") results.roofline = measure_roofline(parse_device(options.cases.device));
  return results;
}

void print_quietness(std::ostream& out, const Conditions& conditions) {
  apps::print(
      out, "%s: the timing thread lacked its core %.1f %% of the time, other programs used %.1f %% of the processors\n",
      conditions.is_quiet() ? "quiet" : "NOT QUIET", 100 * conditions.lost_share, 100 * conditions.others_share);
}

void print_results(std::ostream& out, const Results& r) {
  apps::print(out, "%s, %s, %d threads, scale %lld, commit %s\n", r.machine.processor.c_str(), r.machine.device.c_str(),
              r.conditions.threads, static_cast<long long>(r.conditions.scale), r.build.commit.c_str());
  std::size_t width = 0;
  for (const Row& row : r.rows) width = std::max(width, row.name.size());
  const int names = int(width);
  apps::print(out, "%-*s%12s%12s%12s%8s%9s%10s%8s%10s%14s%8s\n", names, "", "us", "lower", "upper", "number", "GB/s",
              "GFLOP/s", "copy", "roofline", "instructions", "/cycle");
  for (const Row& row : r.rows) {
    const Quartiles q = quartiles(row.seconds);
    apps::print(out, "%-*s%12.2f%12.2f%12.2f%8zu%9.2f%10.2f%8.2f%10.2f%s%s%s\n", names, row.name.c_str(),
                1e6 * q.median, 1e6 * q.lower, 1e6 * q.upper, row.seconds.size(), 1e-9 * double(row.bytes()) / q.median,
                1e-9 * double(row.cost.flops) / q.median, row.copy_seconds / q.median,
                share_of_roofline(row, r.roofline), instructions_text(row.hardware).c_str(),
                row.plan.empty() ? "" : "  ", row.plan.c_str());
  }
  if (!r.no_counters.empty())
    apps::print(out, "no instructions by hardware counters (%s); counts --instructions counts them by callgrind\n",
                r.no_counters.c_str());
  apps::print(out, "roofline: copy %.1f GB/s, f32 matrix product %.1f GFLOP/s\n", 1e-9 * r.roofline.bytes_per_s,
              1e-9 * r.roofline.flops_per_s);
  print_quietness(out, r.conditions);
}

}  // namespace engram::bench
