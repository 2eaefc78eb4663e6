/// The tests of the kernel families on a real device: `test_kernels_gpu [--device=cuda|emu] [options of GoogleTest]`.
/// Exits with 77 when there is no such device.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "kernels/plugin/plugin_loader.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/support/backend_under_test.h"

namespace engram::testing {
namespace {

const kernels::Plugin* plugin = nullptr;

const kernels::DeviceApi& api() {
  return *plugin->devices;
}

/// Page-locked memory that copies pass through, as the interface of devices wants it.
void* staging_memory(std::size_t bytes) {
  static void* memory = nullptr;
  static std::size_t capacity = 0;
  if (bytes > capacity) {
    api().deallocate_pinned(memory);
    capacity = std::max(bytes, std::size_t(1) << 20);
    memory = api().allocate_pinned(capacity);
  }
  return memory;
}

/// Filled with bytes that are no number as f32 or f64, so that what a kernel forgets to write shows.
void* allocate(std::size_t bytes) {
  void* memory = api().allocate(std::max(bytes, std::size_t(1)));
  if (bytes > 0) api().fill_bytes({}, memory, 0xFF, bytes);
  return memory;
}

void release(void* memory) {
  api().deallocate(memory);
}

void copy_in(void* device, const void* host, std::size_t bytes) {
  if (bytes == 0) return;
  void* staged = staging_memory(bytes);
  std::memcpy(staged, host, bytes);
  api().copy({}, device, staged, bytes, kernels::CopyKind::kHostToDevice);
  api().synchronize_stream({});
}

void copy_back(void* host, const void* device, std::size_t bytes) {
  if (bytes == 0) return;
  void* staged = staging_memory(bytes);
  api().copy({}, staged, device, bytes, kernels::CopyKind::kDeviceToHost);
  api().synchronize_stream({});
  std::memcpy(host, staged, bytes);
}

/// Opens the device; the reason where there is none.
std::string open_device(const std::string& name) {
  std::string why;
  plugin = kernels::open_plugin(name == "emu" ? kernels::PluginKind::kEmu : kernels::PluginKind::kCuda, why);
  if (!plugin || api().num_devices(why) == 0) return why;
  api().set_device(0);
  return {};
}

}  // namespace

const cases::CaseDevice& device_under_test() {
  static const cases::CaseDevice device = {*plugin->backend, allocate, release, copy_in, copy_back};
  return device;
}

/// The hardware chooses the order of threads; that bits repeat is what the tests then show.
void set_schedule(int) {}

}  // namespace engram::testing

int main(int argc, char** argv) {
  std::string name = "cuda";
  constexpr const char* kOption = "--device=";
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], kOption, std::strlen(kOption)) == 0) name = argv[i] + std::strlen(kOption);
  }
  const std::string why = engram::testing::open_device(name);
  if (!why.empty()) {
    std::printf("skipped: %s\n", why.c_str());
    return 77;
  }
  ::testing::InitGoogleTest(&argc, argv);
  // The CPU's vector widths say nothing here.
  if (GTEST_FLAG_GET(filter) == std::string("*")) GTEST_FLAG_SET(filter, "-*WithoutWideVectors*");
  return RUN_ALL_TESTS();
}
