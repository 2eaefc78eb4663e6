#pragma once
/// Handles of what a back end queues: streams of work, points in them, and captured work.

namespace engram::kernels {

/// First argument of every kernel entry point. The CPU back end runs at once and ignores it.
struct Stream {
  void* handle = nullptr;  ///< cudaStream_t on CUDA
};

/// A point in a stream's work.
struct Event {
  void* handle = nullptr;
};

/// Work captured from a stream, ready to be launched again.
struct Graph {
  void* handle = nullptr;
};

}  // namespace engram::kernels
