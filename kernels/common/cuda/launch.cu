#include "kernels/common/cuda/launch.cuh"
#include "kernels/common/cuda/launch.h"
#include "kernels/common/error.h"

namespace engram::kernels {
namespace {

LaunchObserver observer = nullptr;

}  // namespace

void set_launch_observer(LaunchObserver new_observer) {
  observer = new_observer;
}

namespace cuda {

dim3 grid_of(dim_t blocks) {
  if (blocks > 0x7fffffff) throw UsageError(message("[cuda] expected at most 2147483647 blocks, got ", blocks));
  return dim3(unsigned(blocks));
}

void require_32_bit(const char* kernel, dim_t count) {
  if (count > 0x7fffffff)
    throw UsageError(message("[", kernel, "] expected at most 2147483647 elements on CUDA, got ", count));
}

void after_launch(const char* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream) {
  if (observer)
    observer({kernel, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared_bytes, static_cast<void*>(stream)});
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess)
    throw DeviceError(message("[cuda] expected ", kernel, " to start with grid ", grid.x, ",", grid.y, ",", grid.z,
                              " block ", block.x, ",", block.y, ",", block.z, " and ", shared_bytes,
                              " shared bytes, got ", cudaGetErrorName(error)));
}

}  // namespace cuda
}  // namespace engram::kernels
