#pragma once
/// Work on a device that is issued once and then repeated as a whole (a CUDA graph).

#include <cstdint>
#include <functional>

#include "engine/device.h"

namespace engram {

/// Repeats the same work: the first two calls of `run` issue it as usual. The first makes what stays (plans, library
/// handles, optimiser state), after the second all memory that the work needs beside that is in the allocator's pool.
/// The third captures it and launches what was captured; later ones only launch. What changes from one time to the next
/// must lie in device memory that is filled before `run`. Within the work nothing may wait for the device
/// (Tensor::item, to_vector, ...), allocate from the system, or copy from or to the host; such calls throw DeviceError
/// during the capture. Tensors that the work makes keep their memory: read them after `run`, and let the work drop them
/// or overwrite the same handles. Checks of check_later are made in the first two calls only.
///
/// One thread at a time; work of other threads on their own streams goes on beside it.
class CapturedWork {
 public:
  /// Throws UsageError for the CPU.
  explicit CapturedWork(const Device& device);
  ~CapturedWork();
  CapturedWork(const CapturedWork&) = delete;

  void run(const std::function<void()>& work);
  /// Whether the next `run` only launches the graph.
  bool is_captured() const { return graph_.handle != nullptr; }
  /// Kernels, copies and fills of the graph; 0 before it is captured.
  std::size_t num_nodes() const;

 private:
  void capture(const std::function<void()>& work);

  Device device_;
  int issued_ = 0;
  std::int64_t pool_ = 0;  ///< of the allocator
  kernels::Graph graph_;
};

}  // namespace engram
