#pragma once
/// The device whose kernels an executable tests. Each defines it: with the emulator, or with a GPU's plug-in.

#include <cstddef>

#include "kernels/backend.h"

namespace engram::testing {

struct DeviceUnderTest {
  const kernels::Backend& kernels;  ///< take pointers to the device's memory
  /// Memory of the device, aligned to 256 bytes, with values that no test expects.
  void* (*allocate)(std::size_t bytes);
  void (*release)(void* memory);
  void (*copy_in)(void* device, const void* host, std::size_t bytes);
  /// Waits for the kernels before it.
  void (*copy_back)(void* host, const void* device, std::size_t bytes);
};

const DeviceUnderTest& device_under_test();

}  // namespace engram::testing
