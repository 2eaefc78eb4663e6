#pragma once
/// Launches and their geometry. Every kernel of the CUDA back end is launched through ENGRAM_LAUNCH.

#include <type_traits>

#include "emulator/kernel.h"
#include "kernels/common/cuda/launch.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels::cuda {

/// Threads of a warp.
inline constexpr int kWarp = 32;
/// All lanes of a warp.
inline constexpr unsigned kFullMask = 0xffffffffu;

/// The CUDA stream behind a Stream.
inline cudaStream_t stream_of(Stream stream) {
  return static_cast<cudaStream_t>(stream.handle);
}

/// Smallest number of parts of `part` that cover `count`.
constexpr dim_t ceil_div(dim_t count, dim_t part) {
  return (count + part - 1) / part;
}

/// A one-dimensional grid of that many blocks. Throws UsageError beyond CUDA's limit of 2^31 - 1.
dim3 grid_of(dim_t blocks);

/// Tells the observer of a launch, and throws DeviceError with the kernel's name if CUDA refused it. Errors of kernels
/// that run show later, at a synchronisation.
void after_launch(const LaunchRecord& launch);

/// Appends an argument to the sizes of a launch, if it is a whole number.
template <class T>
void append_size(LaunchRecord& launch, const T& argument) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
    if (launch.num_sizes < 8) launch.sizes[launch.num_sizes++] = std::int64_t(argument);
}

/// A launch as the observer sees it.
template <class... Arguments>
LaunchRecord launch_record(const char* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                           const Arguments&... arguments) {
  LaunchRecord launch = {kernel, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared_bytes, stream, 0, {}};
  (append_size(launch, arguments), ...);
  return launch;
}

/// Throws UsageError unless `count` fits 31 bits, the range in which strided kernels compute positions.
void require_32_bit(const char* kernel, dim_t count);

}  // namespace engram::kernels::cuda

/// ENGRAM_LAUNCH((kernel<...>), grid, block, dynamic shared bytes, Stream, arguments...)
#define ENGRAM_LAUNCH(kernel, grid, block, shared_bytes, stream, ...)                                  \
  do {                                                                                                 \
    const dim3 launch_grid = (grid), launch_block = (block);                                           \
    const std::size_t launch_shared = (shared_bytes);                                                  \
    const cudaStream_t launch_stream = ::engram::kernels::cuda::stream_of(stream);                     \
    EMU_LAUNCH(kernel, launch_grid, launch_block, launch_shared, launch_stream, __VA_ARGS__);          \
    ::engram::kernels::cuda::after_launch(::engram::kernels::cuda::launch_record(                      \
        #kernel, launch_grid, launch_block, launch_shared, launch_stream __VA_OPT__(, ) __VA_ARGS__)); \
  } while (false)
