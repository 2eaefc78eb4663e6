#pragma once
/// Work that runs beside that of the current stream of a device.

#include <functional>

#include "engine/device.h"

namespace engram {

/// A second queue of a device, for work that does not depend on what the current stream does meanwhile: a frozen
/// teacher beside its student. On the CPU, which has no queues, everything runs at once.
///
/// What the work reads must live until join(). What it makes belongs to the side stream: it may be read after join(),
/// and freed at any time, because the next run() waits for what the current stream had queued by then. May be captured
/// in a graph if run() and join() both are. One thread at a time.
class SideStream {
 public:
  explicit SideStream(const Device& device) : device_(device) {}
  /// Waits for the side stream.
  ~SideStream();
  SideStream(const SideStream&) = delete;

  /// Issues `work` to the side stream, behind all that the current stream has queued so far. Without a join() between,
  /// several calls run one after the other.
  void run(const std::function<void()>& work);
  /// What the current stream gets from now on waits for the side stream. Nothing when nothing was run since.
  void join();

 private:
  void make();

  Device device_;
  kernels::Stream stream_;
  kernels::Event begin_, end_;
  bool running_ = false;
};

}  // namespace engram
