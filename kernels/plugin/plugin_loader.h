#pragma once
/// Finds and opens plug-ins.

#include <filesystem>
#include <string>
#include <vector>

#include "kernels/plugin/plugin.h"

namespace engram::kernels {

/// Which plug-in.
enum class PluginKind { kCuda, kEmu };

/// "libengram_cuda.so" or "libengram_emu.so".
std::string plugin_file(PluginKind kind);

/// Where a plug-in is looked for, in order: the folder in the environment variable ENGRAM_PLUGIN_DIR alone when it is
/// set, else `lib` beside the folder of the running program and that folder itself.
std::vector<std::filesystem::path> plugin_folders();

/// The plug-in, opened at the first call and kept, or null with the reason in `why`: not installed, a library that it
/// needs is missing, another version, and for CUDA no driver. The driver is looked for before the plug-in is opened, so
/// a machine without one loads no CUDA library. Thread-safe.
const Plugin* open_plugin(PluginKind kind, std::string& why);

/// Opens the plug-in in one file and checks its version. Throws DeviceError in one line.
const Plugin* open_plugin_file(const std::filesystem::path& file);

/// The version of the installed NVIDIA driver's CUDA interface, 1000 major + 10 minor (12040 for CUDA 12.4); 0 without
/// a driver.
int cuda_driver_version();

}  // namespace engram::kernels
