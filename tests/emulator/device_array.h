#pragma once
/// Emulated device memory with a host copy, for the emulator's tests.

#include <cstddef>
#include <vector>

#include "emulator/emulator.h"

namespace emu::testing {

/// `count` elements of device memory, given back at the end.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count, const char* name = nullptr)
      : count_(count), p_(static_cast<T*>(allocate(count * sizeof(T), name))) {}
  explicit DeviceArray(const std::vector<T>& values, const char* name = nullptr) : DeviceArray(values.size(), name) {
    copy(p_, values.data(), count_ * sizeof(T));
  }
  ~DeviceArray() { release(p_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* get() const { return p_; }
  std::vector<T> values() const {
    std::vector<T> host(count_);
    copy(host.data(), p_, count_ * sizeof(T));
    return host;
  }

 private:
  std::size_t count_;
  T* p_;
};

/// Options of one test, put back at its end; forgets reports before and after.
class ScopedOptions {
 public:
  explicit ScopedOptions(Order order = Order::kForward, int workers = 1, bool count = false) : saved_(options()) {
    options().order = order;
    options().workers = workers;
    options().count = count;
    take_reports();
  }
  ~ScopedOptions() {
    options() = saved_;
    take_reports();
    take_launch_status();
  }

 private:
  Options saved_;
};

/// A repeatable value in [-0.5, 0.5).
inline float test_value(std::size_t i) {
  return float((i * 2654435761u >> 8) & 0xffff) / 65536.0f - 0.5f;
}

inline std::vector<float> test_values(std::size_t count, std::size_t seed = 0) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = test_value(i + seed);
  return values;
}

}  // namespace emu::testing
