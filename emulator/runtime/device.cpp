/// Devices and errors.

#include <cstdio>
#include <iterator>

#include "emulator/emulator.h"
#include "emulator/runtime/state.h"

using emu::Runtime;

namespace {

Runtime& runtime() {
  return Runtime::instance();
}

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};

// Texts of the toolkit's documentation (enum cudaError), in short.
constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate captures"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const ErrorText* text_of(cudaError_t error) {
  for (const ErrorText& entry : kErrors)
    if (entry.error == error) return &entry;
  return nullptr;
}

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

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* const entry = text_of(error);
  return entry ? entry->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* const entry = text_of(error);
  return entry ? entry->text : "unrecognized error code";
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return runtime().call("cudaFuncSetAttribute", emu::kPlain, [&] {
    const bool known = attribute == cudaFuncAttributeMaxDynamicSharedMemorySize && value >= 0;
    return known && emu::allow_dynamic_shared(function, std::size_t(value)) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

}  // extern "C"
