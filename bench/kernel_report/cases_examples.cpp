/// The emulator's own examples: a kernel of each usual pattern.

#include "bench/kernel_report/kernel_case.h"
#include "emulator/examples/examples.h"

namespace engram::bench {
namespace {

constexpr std::int64_t kSide = 256, kCount = kSide * kSide;

void add_transpose(std::vector<KernelCase>& cases) {
  cases.push_back({"examples/transpose", {4 * kCount, 4 * kCount, 0}, [](DeviceArrays& device) {
                     const float* x = device.values(kCount);
                     auto* y = device.empty<float>(kCount);
                     return [=] { emu::examples::transpose(x, y, kSide, kSide, nullptr); };
                   }});
}

}  // namespace

void add_example_cases(std::vector<KernelCase>& cases) {
  cases.push_back({"examples/add", {8 * kCount, 4 * kCount, kCount}, [](DeviceArrays& device) {
                     const float *a = device.values(kCount), *b = device.values(kCount);
                     auto* c = device.empty<float>(kCount);
                     return [=] { emu::examples::add(a, b, c, kCount / 4, nullptr); };
                   }});
  add_transpose(cases);
}

}  // namespace engram::bench
