#pragma once
/// What engram-kernel-report runs: calls of kernel families on the emulated device.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/common/cost.h"

namespace engram::bench {

/// Emulated device memory of one case, given back at its end.
class DeviceArrays {
 public:
  DeviceArrays() = default;
  ~DeviceArrays();
  DeviceArrays(const DeviceArrays&) = delete;
  DeviceArrays& operator=(const DeviceArrays&) = delete;

  /// `count` repeatable values in [low, high).
  float* values(std::int64_t count, float low = -1.0f, float high = 1.0f);
  /// `count` elements without values.
  template <class T>
  T* empty(std::int64_t count) {
    return static_cast<T*>(bytes(std::size_t(count) * sizeof(T)));
  }
  /// A copy of host values.
  template <class T>
  T* copy_of(const std::vector<T>& values) {
    return static_cast<T*>(copied(values.data(), values.size() * sizeof(T)));
  }

 private:
  void* bytes(std::size_t count);
  void* copied(const void* from, std::size_t count);

  std::vector<void*> arrays_;
};

/// One call of a family's entry point.
struct KernelCase {
  std::string name;  ///< "family/entry"
  Cost cost;         ///< the family's declared minimum for this call
  /// Makes the operands and returns the call that is counted.
  std::function<std::function<void()>(DeviceArrays&)> prepare;
  /// Bank conflicts that the family declares for this call, and why it cannot do without.
  std::uint64_t declared_conflicts = 0;
  std::string why_conflicts = {};
};

/// Every case, in the order of the report.
std::vector<KernelCase> all_cases();

// Each is in a source file of its own: cases_<what>.cpp.
void add_example_cases(std::vector<KernelCase>& cases);
void add_channel_cases(std::vector<KernelCase>& cases);
void add_loss_cases(std::vector<KernelCase>& cases);
void add_image_cases(std::vector<KernelCase>& cases);

}  // namespace engram::bench
