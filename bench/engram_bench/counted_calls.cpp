#include "bench/engram_bench/counted_calls.h"

#include <algorithm>
#include <fstream>

#include "apps/common/scratch_folder.h"
#include "bench/engram_bench/case_clock.h"
#include "bench/engram_bench/child_process.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

/// Callgrind collects between entry and end of this function, by its name.
extern "C" [[gnu::noinline]] void engram_bench_counted(const std::function<void()>& call) {
  call();
}

namespace engram::bench {
namespace {

namespace fs = std::filesystem;

/// The instructions in one of callgrind's files.
std::int64_t total(const fs::path& path) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("totals: ")) return std::stoll(line.substr(8));
  throw DataError(message("[counts] expected callgrind's totals in ", path.string(), ", got none"));
}

/// A case and the figure that it has.
struct CountedCase {
  std::string figure;
  BenchCase one;
};

/// The cases in the order of activations that the CPU chooses, and where they differ also channels-last.
std::vector<CountedCase> counted_cases(const std::string& name) {
  std::vector<CountedCase> all;
  for (const BenchCase& one : chosen_cases({.families = {name}, .scale = 1}))
    all.push_back({entry_of(one.name) + ": instructions", one});
  for (const BenchCase& other : chosen_cases({.families = {name}, .order = "channels-last", .scale = 1}))
    if (std::ranges::none_of(all, [&](const CountedCase& known) { return known.one.name == other.name; }))
      all.push_back({entry_of(other.name) + " channels-last: instructions", other});
  return all;
}

}  // namespace

void run_counted_calls(const std::vector<std::string>& cases) {
  kernels::set_num_threads(1);
  QuietWatch watch;
  const auto clock = case_clock("cpu", watch);
  for (const std::string& name : cases) {
    for (const CountedCase& counted : counted_cases(name)) {
      DeviceArrays arrays(clock->device());
      const auto call = counted.one.prepare(arrays);
      call();
      engram_bench_counted(call);
    }
  }
}

bool has_callgrind() {
  try {
    return run_child({"valgrind", "--version"}).code == 0;
  } catch (const IoError&) {
    return false;
  }
}

Figures counted_instructions(const std::vector<std::string>& cases) {
  const apps::ScratchFolder scratch("engram-bench");
  std::vector<std::string> words = {"valgrind",
                                    "--quiet",
                                    "--tool=callgrind",
                                    "--collect-atstart=no",
                                    "--toggle-collect=engram_bench_counted",
                                    "--dump-after=engram_bench_counted",
                                    "--callgrind-out-file=" + (scratch.path() / "out").string(),
                                    fs::read_symlink("/proc/self/exe").string(),
                                    "counted"};
  words.insert(words.end(), cases.begin(), cases.end());
  const ChildResult result = run_child(words);
  if (result.code != 0) throw DataError(message("[counts] expected callgrind to succeed, got exit code ", result.code));
  Figures figures;
  int file = 0;
  for (const std::string& name : cases)
    for (const CountedCase& counted : counted_cases(name))
      figures[counted.figure] = total(scratch.path() / message("out.", ++file));
  return figures;
}

}  // namespace engram::bench
