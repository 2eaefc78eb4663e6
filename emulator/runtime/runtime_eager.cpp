/// The runtime sliver: everything happens at once.

#include "emulator/emulator.h"
#include "emulator/runtime_api.h"

namespace {

// Stands in for the place of the host's call, which is not known.
constexpr const char* kHost = "host code";

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** p, std::size_t bytes) {
  *p = bytes == 0 ? nullptr : emu::allocate(bytes);
  return *p == nullptr && bytes != 0 ? cudaErrorMemoryAllocation : cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  emu::release(p);
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool right = kind == cudaMemcpyDefault ||
                     (emu::is_device_pointer(to) == to_device && emu::is_device_pointer(from) == from_device);
  if (bytes != 0 && !right) {
    emu::add_report(emu::Tool::kMemcheck, "Program hit cudaErrorInvalidValue on CUDA API call to cudaMemcpy", kHost,
                    {"the pointers are not on the sides that the kind names"});
    return cudaErrorInvalidValue;
  }
  emu::copy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  return cudaMemcpy(to, from, bytes, kind);
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  if (bytes != 0 && !emu::is_device_pointer(to)) return cudaErrorInvalidValue;
  emu::fill(to, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  return cudaMemset(to, value, bytes);
}

cudaError_t cudaStreamSynchronize(cudaStream_t) {
  return cudaPeekAtLastError();
}

cudaError_t cudaDeviceSynchronize() {
  return cudaPeekAtLastError();
}

cudaError_t cudaGetLastError() {
  return cudaError_t(emu::take_launch_status());
}

cudaError_t cudaPeekAtLastError() {
  return cudaError_t(emu::peek_launch_status());
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute, int value) {
  return value >= 0 && emu::allow_dynamic_shared(function, std::size_t(value)) ? cudaSuccess : cudaErrorInvalidValue;
}

}  // extern "C"
