#include "bench/engram_bench/counted_calls.h"

#include <unistd.h>

#include <fstream>

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

/// A folder for callgrind's files, removed at the end.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "engram-bench-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw IoError("[counts] expected to make a temporary folder, got an error");
    path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// The instructions in one of callgrind's files.
std::int64_t total(const fs::path& path) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("totals: ")) return std::stoll(line.substr(8));
  throw DataError(message("[counts] expected callgrind's totals in ", path.string(), ", got none"));
}

std::vector<BenchCase> counted_cases(const std::string& name) {
  return chosen_cases({.families = {name}, .scale = 1});
}

}  // namespace

void run_counted_calls(const std::vector<std::string>& cases) {
  kernels::set_num_threads(1);
  QuietWatch watch;
  const auto clock = case_clock("cpu", watch);
  for (const std::string& name : cases) {
    for (const BenchCase& one : counted_cases(name)) {
      DeviceArrays arrays(clock->device());
      const auto call = one.prepare(arrays);
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
  const Scratch scratch;
  std::vector<std::string> words = {"valgrind",
                                    "--quiet",
                                    "--tool=callgrind",
                                    "--collect-atstart=no",
                                    "--toggle-collect=engram_bench_counted",
                                    "--dump-after=engram_bench_counted",
                                    "--callgrind-out-file=" + (scratch / "out").string(),
                                    fs::read_symlink("/proc/self/exe").string(),
                                    "counted"};
  words.insert(words.end(), cases.begin(), cases.end());
  const ChildResult result = run_child(words);
  if (result.code != 0) throw DataError(message("[counts] expected callgrind to succeed, got exit code ", result.code));
  Figures figures;
  int file = 0;
  for (const std::string& name : cases)
    for (const BenchCase& one : counted_cases(name))
      figures[entry_of(one.name) + ": instructions"] = total(scratch / message("out.", ++file));
  return figures;
}

}  // namespace engram::bench
