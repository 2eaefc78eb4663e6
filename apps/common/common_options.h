#pragma once
/// Options that the programs have in common.

#include <cstdint>
#include <filesystem>
#include <string>

#include "apps/common/cli.h"
#include "apps/common/run_dir.h"
#include "engine/device.h"

namespace engram::apps {

/// Where and how a run happens. `threads` 0 takes all cores (OMP_NUM_THREADS where it is set); `memory_limit_mib` 0 is
/// no limit.
struct CommonOptions {
  std::uint64_t seed = 0;
  int threads = 0;
  std::string device = "cpu";
  std::string math = "f32";
  std::int64_t memory_limit_mib = 0;
  bool quiet = false;
  std::filesystem::path out;
  bool force = false;
};

/// Registers --seed, --threads, --quiet.
void add_common_options(Cli& cli, CommonOptions& options);

/// Registers --device (then "auto" unless given), --math, --memory-limit, for programs that work on tensors.
void add_device_options(Cli& cli, CommonOptions& options);

/// Registers --out and --force, for programs that write a run folder; with `optional`, --resume may stand for --out.
void add_run_options(Cli& cli, CommonOptions& options, bool optional = false);

/// Sets the number of threads of all kernels and returns the number in force.
int apply_threads(const CommonOptions& options);

/// A device that a program opened.
struct OpenedDevice {
  Device device;
  std::string note;  ///< what "auto" chose and why, else empty
};

/// Opens the device of --device, sets the limit of its memory and the mode of --math. Throws DeviceError.
OpenedDevice open_device(const CommonOptions& options);

/// Highest number of MiB that tensors took on the device.
double peak_mib(const Device& device);

/// Says on standard error what "auto" chose, unless --quiet.
void say_device(const CommonOptions& options, const OpenedDevice& opened);

/// What the manifest says: program, arguments, seed, `threads` as apply_threads() returned it, device.
RunInfo run_info(const Cli& cli, const CommonOptions& options, int threads);

}  // namespace engram::apps
