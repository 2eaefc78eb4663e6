#pragma once
/// Bank conflicts of shared memory: 32 banks of 4-byte words.

#include "emulator/counters/collector.h"

namespace emu {

struct BankPasses {
  std::uint64_t passes = 0, ideal = 0;
};

/// Passes of one request. Lanes go in groups whose words fill the banks once: 32 lanes of up to 4 bytes, 16 of 8, 8
/// of 16. A group takes as many passes as its busiest bank has different words; lanes that ask for the same word share
/// it, except atomics, which take a pass each.
BankPasses bank_passes(const WarpRequest& request);

}  // namespace emu
