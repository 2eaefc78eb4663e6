#pragma once
/// The interface between the engine and a library that holds another back end's kernels: libengram_cuda.so (NVIDIA
/// GPUs) and libengram_emu.so (the same sources on an emulated device). The engine opens one when a device of that kind
/// is asked for, so programs that use the CPU alone load none of it.
///
/// A library exports one C function, kPluginEntry, that returns its table. The first member is the version of this
/// interface, which never moves: the loader compares it before it reads anything else. Errors are exceptions
/// (kernels/common/error.h), as they are everywhere else.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/backend.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// A hash of this header, of kernels/families.h and of the families' headers, made when they are built: it follows
/// every change of an argument by itself (kernels/plugin/version.cmake).
/// Hidden: each library has its own.
extern const std::uint32_t kPluginVersion __attribute__((visibility("hidden")));

/// Name of the exported function; its type is PluginEntry.
inline constexpr const char* kPluginEntry = "engram_plugin";

/// What a device is.
struct DeviceProperties {
  std::string name;              ///< "NVIDIA H100 80GB HBM3"
  int major = 0, minor = 0;      ///< compute capability
  std::size_t memory_bytes = 0;  ///< of the whole device
  int num_multiprocessors = 0;
  std::string libraries;  ///< "CUDA 13.0, cuDNN 9.19.0, cuBLAS 13.1"
};

enum class CopyKind : std::uint8_t { kHostToDevice, kDeviceToHost, kDeviceToDevice };

/// Memory, streams, events and graphs of the devices of one plug-in. Calls that name no device work on the calling
/// thread's current one (`set_device`). All throw DeviceError for a failing call; the text names the call, the
/// runtime's error and, when work already under way failed, the last launches with their sizes.
struct DeviceApi {
  /// Devices that can be used. 0 comes with the reason in `why`: no driver, a driver too old, no device.
  int (*num_devices)(std::string& why);
  DeviceProperties (*properties)(int device);
  /// Makes a device the calling thread's current one.
  void (*set_device)(int device);
  /// Waits for all work of the current device.
  void (*synchronize_device)();

  /// Memory of the current device, 256-byte aligned; null when there is not enough.
  void* (*allocate)(std::size_t bytes);
  /// Frees memory of `allocate`; waits for the work that uses it. Never throws: a failure shows in a later call.
  void (*deallocate)(void* memory) noexcept;
  /// Free and total bytes of the current device.
  void (*memory_info)(std::size_t& free_bytes, std::size_t& total_bytes);
  /// Page-locked host memory, from and to which copies run beside the host; null when there is not enough.
  void* (*allocate_pinned)(std::size_t bytes);
  void (*deallocate_pinned)(void* memory) noexcept;

  /// Queues a copy. Host memory must be page-locked and stay untouched until the copy has run.
  void (*copy)(Stream, void* target, const void* source, std::size_t bytes, CopyKind);
  /// Queues a fill with one byte value.
  void (*fill_bytes)(Stream, void* target, int value, std::size_t bytes);

  Stream (*create_stream)();
  void (*destroy_stream)(Stream) noexcept;
  void (*synchronize_stream)(Stream);

  /// Events without timing order streams; with timing they also measure.
  Event (*create_event)(bool timing);
  void (*destroy_event)(Event) noexcept;
  void (*record_event)(Event, Stream);
  /// Work queued on the stream from now on waits for the event's last record.
  void (*wait_event)(Stream, Event);
  void (*synchronize_event)(Event);
  /// Milliseconds between two events with timing that have happened.
  float (*elapsed_ms)(Event start, Event end);

  /// Between begin and end, work queued on the stream is recorded instead of run. Calls that wait or allocate are
  /// errors then. `end_capture` throws when the capture was broken, and ends it in any case.
  void (*begin_capture)(Stream);
  Graph (*end_capture)(Stream);
  void (*launch_graph)(Graph, Stream);
  /// Kernels, copies and fills in it.
  std::size_t (*num_graph_nodes)(Graph);
  void (*destroy_graph)(Graph) noexcept;

  /// A named range on the calling thread, for profilers (NVTX) and for the names of launches in error messages.
  void (*push_range)(const char* name) noexcept;
  void (*pop_range)() noexcept;
};

/// What a plug-in exports.
struct Plugin {
  std::uint32_t version;      ///< kPluginVersion; stays first
  std::uint32_t table_bytes;  ///< sizeof(Plugin) + sizeof(Backend) + sizeof(DeviceApi), which differ when members do
  const char* name;           ///< "cuda" or "emu"
  const Backend* backend;
  const DeviceApi* devices;
};

/// What table_bytes must be.
inline constexpr std::uint32_t kPluginTableBytes =
    std::uint32_t(sizeof(Plugin) + sizeof(Backend) + sizeof(DeviceApi) + sizeof(DeviceProperties));

/// Type of the exported function.
using PluginEntry = const Plugin* (*)();

}  // namespace engram::kernels
