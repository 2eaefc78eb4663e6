#pragma once
/// Errors of CUDA and its libraries as exceptions. Free of their types.

#include <string>

namespace engram::kernels::cuda {

/// Throws DeviceError when `error` (a cudaError_t) is not 0: the call, the error's name and text, and the last launches
/// when the error is one of work under way.
void check(int error, const char* call);

/// The last launches on this process, newest last, in one line: operation, kernel, grid, block, sizes. Empty when there
/// were none.
std::string last_launches();

/// Starts to watch launches.
void watch_launches();

/// Names the calling thread's current operation for the launches that follow; nested.
void push_operation(const char* name) noexcept;
void pop_operation() noexcept;

}  // namespace engram::kernels::cuda
