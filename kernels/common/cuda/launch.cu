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

void after_launch(const LaunchRecord& l) {
  if (observer) observer(l);
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess)
    throw DeviceError(message("[cuda] expected ", l.kernel, " to start with grid ", l.grid[0], ",", l.grid[1], ",",
                              l.grid[2], " block ", l.block[0], ",", l.block[1], ",", l.block[2], " and ",
                              l.shared_bytes, " shared bytes, got ", cudaGetErrorName(error)));
}

}  // namespace cuda
}  // namespace engram::kernels
