#include "bench/kernel_report/kernel_case.h"

#include <new>

#include "emulator/emulator.h"

namespace engram::bench {

DeviceArrays::~DeviceArrays() {
  for (void* array : arrays_) emu::release(array);
}

void* DeviceArrays::bytes(std::size_t count) {
  void* p = emu::allocate(count);
  if (p == nullptr) throw std::bad_alloc();
  arrays_.push_back(p);
  return p;
}

void* DeviceArrays::copied(const void* from, std::size_t count) {
  void* p = bytes(count);
  emu::copy(p, from, count);
  return p;
}

float* DeviceArrays::values(std::int64_t count, float low, float high) {
  std::vector<float> host(static_cast<std::size_t>(count));
  std::uint32_t state = 12345;
  for (float& v : host) {
    state = state * 1664525u + 1013904223u;
    v = low + (high - low) * float(state >> 8) / 16777216.0f;
  }
  return copy_of(host);
}

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> cases;
  add_example_cases(cases);
  add_channel_cases(cases);
  add_loss_cases(cases);
  add_image_cases(cases);
  return cases;
}

}  // namespace engram::bench
