#pragma once
/// How the seeded bugs are run: 64 values (or `kElements`), 64 threads a block.

#include <numeric>
#include <vector>

#include "emulator/emulator.h"
#include "emulator/kernel.h"

namespace emu::testing {

inline constexpr int kCount = 64;

template <void (*kKernel)(float*, int), int kBlocks = 1, int kElements = kCount, int kArgument = kElements,
          int kThreads = 64, int kSharedBytes = 0>
void run_on_values() {
  auto* x = static_cast<float*>(allocate(kElements * sizeof(float), "x"));
  std::vector<float> values(kElements);
  std::iota(values.begin(), values.end(), 0.0f);
  copy(x, values.data(), kElements * sizeof(float));
  EMU_LAUNCH(kKernel, kBlocks, kThreads, kSharedBytes, nullptr, x, kArgument);
  release(x);
}

}  // namespace emu::testing
