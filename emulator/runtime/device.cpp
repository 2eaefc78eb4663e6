/// Devices and the last error.

#include <cstdio>
#include <iterator>

#include "emulator/emulator.h"
#include "emulator/runtime/state.h"

using emu::runtime;
using emu::Runtime;

namespace {

bool device_exists(int device) {
  return device >= 0 && device < runtime().options.devices;
}

}  // namespace

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) {
  return runtime().call("cudaDriverGetVersion", emu::kNeedsNoDevice, [&] {
    if (!version) return cudaErrorInvalidValue;
    *version = runtime().options.driver_version;
    return cudaSuccess;
  });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return runtime().call("cudaRuntimeGetVersion", emu::kNeedsNoDevice, [&] {
    if (!version) return cudaErrorInvalidValue;
    *version = CUDART_VERSION;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceCount(int* count) {
  return runtime().call("cudaGetDeviceCount", emu::kPlain, [&] {
    if (!count) return cudaErrorInvalidValue;
    *count = runtime().options.devices;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return runtime().call("cudaGetDevice", emu::kPlain, [&] {
    if (!device) return cudaErrorInvalidValue;
    *device = emu::thread_state().device;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return runtime().call("cudaSetDevice", emu::kPlain, [&] {
    if (!device_exists(device)) return cudaErrorInvalidDevice;
    emu::thread_state().device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return runtime().call("cudaGetDeviceProperties", emu::kPlain, [&] {
    if (!properties) return cudaErrorInvalidValue;
    if (!device_exists(device)) return cudaErrorInvalidDevice;
    *properties = {};
    std::snprintf(properties->name, sizeof properties->name, "Emulated CUDA device");
    properties->totalGlobalMem = runtime().options.memory_bytes;
    properties->major = 9;
    properties->minor = 0;
    properties->multiProcessorCount = 132;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return runtime().call("cudaDeviceGetAttribute", emu::kPlain, [&] {
    if (!value || attribute != cudaDevAttrMultiProcessorCount) return cudaErrorInvalidValue;
    if (!device_exists(device)) return cudaErrorInvalidDevice;
    *value = 132;
    return cudaSuccess;
  });
}

cudaError_t cudaGetLastError() {
  emu::ThreadState& thread = emu::thread_state();
  const cudaError_t error = thread.last;
  thread.last = cudaSuccess;
  return runtime().sticky != cudaSuccess ? runtime().sticky : error;
}

cudaError_t cudaPeekAtLastError() {
  return runtime().sticky != cudaSuccess ? runtime().sticky : emu::thread_state().last;
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return runtime().call("cudaFuncSetAttribute", emu::kPlain, [&] {
    const bool known = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value >= 0;
    return known && emu::allow_dynamic_shared(function, std::size_t(value)) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

}  // extern "C"
