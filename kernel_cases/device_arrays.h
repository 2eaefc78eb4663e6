#pragma once
/// A device on which cases run, and memory of it.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace engram::cases {

/// A device on which cases run.
struct CaseDevice {
  const kernels::Backend& kernels;
  void* (*allocate)(std::size_t bytes);  ///< null when there is not enough
  void (*release)(void* memory);
  void (*copy_in)(void* device, const void* host, std::size_t bytes);
  /// Waits for the kernels before it. Null where nothing is copied back.
  void (*copy_back)(void* host, const void* device, std::size_t bytes) = nullptr;
};

/// Host memory, for back ends that take pointers to it.
CaseDevice host_device(const kernels::Backend& kernels);

/// Device memory of one case, given back at its end.
class DeviceArrays {
 public:
  explicit DeviceArrays(const CaseDevice& device) : device_(device) {}
  ~DeviceArrays();
  DeviceArrays(const DeviceArrays&) = delete;
  DeviceArrays& operator=(const DeviceArrays&) = delete;

  const kernels::Backend& kernels() const { return device_.kernels; }
  /// `count` repeatable values in [low, high).
  float* values(std::int64_t count, float low = -1.0f, float high = 1.0f);
  /// `count` elements without values. Throws std::bad_alloc, as the next.
  template <class T>
  T* empty(std::int64_t count) {
    return static_cast<T*>(allocate(std::size_t(count) * sizeof(T)));
  }
  /// A copy of `bytes` of host memory.
  void* copy_of(const void* host, std::size_t bytes);

 private:
  void* allocate(std::size_t bytes);

  const CaseDevice& device_;
  std::vector<void*> arrays_;
};

}  // namespace engram::cases
