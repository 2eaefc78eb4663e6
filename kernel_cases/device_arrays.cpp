#include "kernel_cases/device_arrays.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace engram::cases {
namespace {

/// Aligned as devices' memory is.
void* allocate_host(std::size_t bytes) {
  constexpr std::size_t kAlignment = 256;
  return std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
}

void copy_host(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

CaseDevice host_device(const kernels::Backend& kernels) {
  return {kernels, allocate_host, [](void* memory) { std::free(memory); }, copy_host, copy_host};
}

DeviceArrays::~DeviceArrays() {
  for (void* array : arrays_) device_.release(array);
}

void* DeviceArrays::allocate(std::size_t bytes) {
  void* memory = device_.allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  arrays_.push_back(memory);
  return memory;
}

void* DeviceArrays::copy_of(const void* host, std::size_t bytes) {
  void* memory = allocate(bytes);
  device_.copy_in(memory, host, bytes);
  return memory;
}

float* DeviceArrays::values(std::int64_t count, float low, float high) {
  std::vector<float> host(static_cast<std::size_t>(count));
  std::uint32_t state = 12345;
  for (float& v : host) {
    state = state * 1664525u + 1013904223u;
    v = low + (high - low) * float(state >> 8) / 16777216.0f;
  }
  return static_cast<float*>(copy_of(host.data(), host.size() * sizeof(float)));
}

}  // namespace engram::cases
