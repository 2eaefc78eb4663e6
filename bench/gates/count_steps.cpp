/// Counts what one step of engram-train and one iteration of engram-invert do: calls, declared bytes and flops of every
/// operation, allocations, peak memory. The counts repeat exactly on every machine and at every thread count, so CI
/// compares them with bench/gates/baseline.json.
///
///   count_steps --check FILE    compares; exit code 1 and a list of the differences when there are any
///   count_steps --update FILE   writes the present counts as the new baseline

#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/step/product_steps.h"
#include "engine/allocator.h"
#include "engine/profiler.h"

namespace {

using nlohmann::json;
using namespace engram;

/// Counts of the third step: by then every cache and state exists.
json counts(const std::function<void()>& step) {
  step();
  step();
  auto& allocator = CachingAllocator::cpu();
  const AllocatorStats before = allocator.stats();
  allocator.reset_peak();
  profiler::reset();
  profiler::enable(true);
  step();
  profiler::enable(false);
  const AllocatorStats after = allocator.stats();
  json operations = json::object();
  std::int64_t calls = 0;
  Cost total;
  for (const OpRecord& record : profiler::records()) {
    operations[record.name] = {{"calls", record.calls},
                               {"bytes_read", record.cost.bytes_read},
                               {"bytes_written", record.cost.bytes_written},
                               {"flops", record.cost.flops}};
    calls += record.calls;
    total += record.cost;
  }
  return {{"operations", operations},
          {"calls", calls},
          {"bytes", total.bytes_read + total.bytes_written},
          {"flops", total.flops},
          {"allocations", after.num_requests - before.num_requests},
          {"peak_bytes", after.peak_live_bytes - before.live_bytes}};
}

json all_counts() {
  json all;
  {
    bench::TrainingSteps step("resnet20", 16);
    all["train resnet20 batch 16"] = counts([&] { step.run(); });
  }
  {
    bench::InversionSteps step("resnet18-w32", 8);
    all["inversion resnet18-w32 batch 8"] = counts([&] { step.run(); });
  }
  return all;
}

int check(const std::string& path) {
  std::ifstream in(path);
  const json baseline = json::parse(in, nullptr, false);
  if (baseline.is_discarded()) {
    std::cerr << "count_steps: " << path << " expected a JSON file of counts, got none\n";
    return 3;
  }
  const json flat_old = baseline.flatten(), flat_new = all_counts().flatten();
  int differences = 0;
  const auto report = [&](const std::string& key, const std::string& was, const std::string& is) {
    std::cout << key << ": was " << was << ", is " << is << "\n";
    ++differences;
  };
  for (const auto& [key, value] : flat_new.items())
    if (!flat_old.contains(key) || flat_old[key] != value)
      report(key, flat_old.contains(key) ? flat_old[key].dump() : "nothing", value.dump());
  for (const auto& [key, value] : flat_old.items())
    if (!flat_new.contains(key)) report(key, value.dump(), "nothing");
  if (differences == 0) return 0;
  std::cout << differences
            << " counts differ from the baseline. If that is meant: build/release/bench/count_steps --update "
               "bench/gates/baseline.json\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 3 ? argv[1] : "", path = argc == 3 ? argv[2] : "";
  if (mode == "--check") return check(path);
  if (mode == "--update") {
    std::ofstream(path) << all_counts().dump(1) << "\n";
    return 0;
  }
  std::cerr << "usage: count_steps --check FILE | --update FILE\n";
  return 2;
}
