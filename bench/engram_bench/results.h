#pragma once
/// What a run of engram-bench found, and its file: JSON that says the machine, the build, how the run went, and a row a
/// case.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/profiler.h"
#include "kernels/common/cost.h"

namespace engram::bench {

/// What the figures belong to. Times of two machines say nothing about each other.
struct Machine {
  std::string processor;   ///< as the system names it
  std::string device;      ///< "cpu", or the name of the GPU
  std::string kernel_isa;  ///< instruction set of the kernels: "AVX2"
  std::string library;     ///< of convolutions and products, with version and instruction set
  int num_processors = 0;  ///< that the process may use

  bool operator==(const Machine&) const = default;
};

/// How the program was built.
struct Build {
  std::string compiler;  ///< with version
  std::string type;      ///< "Release"
  std::string flags;     ///< of the compiler, beyond the type's
  std::string commit;    ///< with "-dirty" where files differ from it

  /// Whether a difference of times can come from the code alone.
  bool same_options(const Build& other) const {
    return compiler == other.compiler && type == other.type && flags == other.flags;
  }
};

/// How a run went.
struct Conditions {
  std::string date;        ///< UTC, "2026-01-31T12:00:00Z"
  std::string session;     ///< the same in two files whose rounds alternated; empty for a run by itself
  std::int64_t scale = 1;  ///< of the operands
  int threads = 1, rounds = 0;
  double lost_share = 0;    ///< of the timed wall time, that the timing thread did not have its core
  double others_share = 0;  ///< of the machine's processors, that other programs used meanwhile

  /// Whether the times mean what they say: no more than 5 % lost, and 5 % used by others.
  bool is_quiet() const { return lost_share <= 0.05 && others_share <= 0.05; }
};

/// What the processor counted in user mode in one call of a case, all threads together. Nearly the same again, but not
/// to the digit: threads that wait for each other go on counting.
struct HardwareCounts {
  double instructions = 0, cycles = 0;

  /// Whether the machine has such counters, and lets this program read them.
  bool known() const { return instructions > 0 && cycles > 0; }
};

/// One case: its times, each the mean of a sample's calls, in the order of the rounds, and what was counted exactly.
struct Row {
  std::string name;  ///< "family/entry", for times with a shape behind it
  Cost cost = {};    ///< declared for one call
  std::vector<double> seconds = {};
  double copy_seconds = 0;  ///< of a copy of as many bytes between the samples; 0 without one
  std::map<std::string, std::int64_t> counts = {};
  std::string plan = {};  ///< the algorithm, where the back end chooses one
  HardwareCounts hardware = {};

  /// "family" of the name.
  std::string family() const { return name.substr(0, name.find('/')); }
  std::int64_t bytes() const { return cost.bytes_read + cost.bytes_written; }
};

struct Results {
  Machine machine;
  Build build;
  Conditions conditions;
  profiler::Roofline roofline{};  ///< 0 where it was not measured
  std::string no_counters;        ///< why the rows have no hardware counts; not in the file
  std::vector<Row> rows;
};

/// Median and quartiles by linear interpolation; all 0 without values.
struct Quartiles {
  double lower = 0, median = 0, upper = 0;
};
Quartiles quartiles(std::vector<double> values);

/// The part of the measured roofline that the row's median reached: the time of its bytes at the rate of a large copy
/// or of its operations at that of a matrix product, whichever is longer, over the median. 0 where either is unknown.
double share_of_roofline(const Row& row, const profiler::Roofline& roofline);

/// The file's text. What follows from the samples (quartiles, shares) is written for readers, not read again.
std::string results_json(const Results& results);

/// Reads a file of results_json. `name` names the text in errors. Throws DataError in one line for anything else.
Results parse_results(const std::string& text, const std::string& name);
/// The same of a file; IoError where it cannot be read.
Results read_results(const std::filesystem::path& path);

}  // namespace engram::bench
