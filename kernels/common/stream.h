#pragma once
/// The queue on which a kernel runs.

namespace engram::kernels {

/// First argument of every kernel entry point. The CPU back end runs at once and ignores it.
struct Stream {
  void* handle = nullptr;  ///< cudaStream_t on CUDA
};

}  // namespace engram::kernels
