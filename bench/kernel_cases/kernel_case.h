#pragma once
/// Calls of kernel families at stated sizes: what engram-kernel-report counts on the emulator and engram-kernel-times
/// times on a GPU.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::bench {

/// A device on which cases run.
struct CaseDevice {
  const kernels::Backend& kernels;
  void* (*allocate)(std::size_t bytes);  ///< null when there is not enough
  void (*release)(void* memory);
  void (*copy_in)(void* device, const void* host, std::size_t bytes);
};

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
  /// `count` elements without values. Throws std::bad_alloc.
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

  const CaseDevice& device_;
  std::vector<void*> arrays_;
};

/// One call of a family's entry point.
struct KernelCase {
  std::string name;  ///< "family/entry"
  Cost cost;         ///< the family's declared minimum for this call
  /// Makes the operands and returns the call, which queues work on the default stream.
  std::function<std::function<void()>(DeviceArrays&)> prepare;
  /// Bank conflicts that the family declares for this call, and why it cannot do without.
  std::uint64_t declared_conflicts = 0;
  std::string why_conflicts = {};
};

/// The call of an entry point with these arguments.
template <class Args>
std::function<void()> call(void (*entry)(kernels::Stream, const Args&), Args args) {
  return [entry, args = std::move(args)] { entry({}, args); };
}

/// Every case of the families, in the order of the reports. Operands of scale 1 have about a MB; they grow with it.
std::vector<KernelCase> family_cases(std::int64_t scale);

// Each is in a source file of its own: cases_<what>.cpp.
void add_channel_cases(std::vector<KernelCase>& cases, std::int64_t scale);
void add_loss_cases(std::vector<KernelCase>& cases, std::int64_t scale);
void add_distillation_cases(std::vector<KernelCase>& cases, std::int64_t scale);
void add_image_cases(std::vector<KernelCase>& cases, std::int64_t scale);
void add_tensor_cases(std::vector<KernelCase>& cases, std::int64_t scale);
void add_window_cases(std::vector<KernelCase>& cases, std::int64_t scale);

}  // namespace engram::bench
