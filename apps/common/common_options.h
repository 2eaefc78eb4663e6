#pragma once
/// Options that the programs have in common: each has one name, default, unit and text, wherever it is.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "apps/common/cli.h"
#include "engine/allocator.h"
#include "engine/device.h"

namespace engram::apps {

/// Where and how a program works. `threads` 0 takes all cores (OMP_NUM_THREADS where it is set); `memory_limit_mib` 0
/// is no limit.
struct CommonOptions {
  std::uint64_t seed = 1;
  int threads = 0;
  std::string device = "auto";
  std::string math = "f32";
  double memory_limit_mib = 0;
  bool exact = false;
  bool quiet = false;
  bool profile = false;
  std::filesystem::path out;
  bool force = false;
  std::filesystem::path resume;
};

/// Registers --seed.
void add_seed_option(Cli& cli, CommonOptions& options);

/// Registers --threads and --quiet.
void add_running_options(Cli& cli, CommonOptions& options);

/// Registers --device, --math, --exact, --memory-limit and --profile, for programs that work on tensors.
void add_compute_options(Cli& cli, CommonOptions& options);

/// Registers --memory-limit, in MiB.
void add_memory_limit_option(Cli& cli, double& mib, const std::string& help);

/// Registers --out and --force, for programs that write a run folder.
void add_run_options(Cli& cli, CommonOptions& options);

/// Registers --out, --force and --resume, for programs whose runs can be continued.
void add_resumable_run_options(Cli& cli, CommonOptions& options);

/// Registers all that a program takes beside its own settings whose run optimises something on tensors and can be
/// continued: --seed and the options of the three above.
void add_training_run_options(Cli& cli, CommonOptions& options);

/// Registers --out for programs that write one file. "-" is standard output.
void add_file_option(Cli& cli, std::filesystem::path& out, const std::string& what);

/// Registers --limit: how many of the images that `what` says are used, evenly spread over the set.
void add_limit_option(Cli& cli, std::int64_t& limit, const std::string& what);

/// Registers --test-flip.
void add_test_flip_option(Cli& cli, bool& flip);

/// Sets the number of threads of all kernels that this thread calls and returns the number in force.
int apply_threads(const CommonOptions& options);

/// A device that a program opened.
struct OpenedDevice {
  Device device;
  std::string note;  ///< what "auto" chose and why, else empty
  /// Counts what the calling thread's tensors take there, and refuses more than --memory-limit, whatever other runs in
  /// the process hold.
  std::unique_ptr<MemoryScope> memory;
};

/// Opens the device of --device, and sets the limit of the calling thread's memory there, its mode of --math and its
/// convolutions (--exact).
/// Throws DeviceError.
OpenedDevice open_device(const CommonOptions& options);

/// Highest number of MiB that the run's tensors took on the device: those of the calling thread since open_device().
double peak_mib(const Device& device);

}  // namespace engram::apps
