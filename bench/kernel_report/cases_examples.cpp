/// The emulator's own examples: a kernel of each usual pattern.

#include "bench/kernel_report/cases_examples.h"

#include "emulator/examples/examples.h"

namespace engram::bench {
namespace {

using cases::DeviceArrays;
using cases::KernelCase;

constexpr std::int64_t kSide = 256, kCount = kSide * kSide;

using Transpose = void (*)(const float*, float*, int, int, void*);

KernelCase transpose_case(const char* name, Transpose transpose) {
  const auto prepare = [transpose](DeviceArrays& device) {
    const float* x = device.values(kCount);
    auto* y = device.empty<float>(kCount);
    return cases::PreparedCall{[=] { transpose(x, y, kSide, kSide, nullptr); }, nullptr};
  };
  return {name, "256x256", {4 * kCount, 4 * kCount, 0}, prepare};
}

cases::PreparedCall prepare_add(DeviceArrays& device) {
  const float *a = device.values(kCount), *b = device.values(kCount);
  auto* c = device.empty<float>(kCount);
  return {[=] { emu::examples::add(a, b, c, kCount / 4, nullptr); }, nullptr};
}

}  // namespace

std::vector<KernelCase> report_cases() {
  std::vector<KernelCase> all = {{"examples/add", "65536", {8 * kCount, 4 * kCount, kCount}, prepare_add}};
  all.push_back(transpose_case("examples/transpose", emu::examples::transpose));
  all.push_back(transpose_case("examples/transpose_conflicting", emu::examples::transpose_conflicting)
                    .with_conflicts(kCount / 32 * 31, "shows what tiles without padding cost"));
  for (KernelCase& one : cases::family_cases({})) all.push_back(std::move(one));
  return all;
}

}  // namespace engram::bench
