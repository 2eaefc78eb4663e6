#include "bench/kernel_cases/kernel_case.h"

#include <new>

namespace engram::bench {

DeviceArrays::~DeviceArrays() {
  for (void* array : arrays_) device_.release(array);
}

void* DeviceArrays::bytes(std::size_t count) {
  void* p = device_.allocate(count);
  if (p == nullptr) throw std::bad_alloc();
  arrays_.push_back(p);
  return p;
}

void* DeviceArrays::copied(const void* from, std::size_t count) {
  void* p = bytes(count);
  device_.copy_in(p, from, count);
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

std::vector<KernelCase> family_cases(std::int64_t scale) {
  std::vector<KernelCase> cases;
  add_channel_cases(cases, scale);
  add_loss_cases(cases, scale);
  add_distillation_cases(cases, scale);
  add_image_cases(cases, scale);
  add_tensor_cases(cases, scale);
  add_window_cases(cases, scale);
  return cases;
}

}  // namespace engram::bench
