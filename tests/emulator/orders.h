#pragma once
/// The orders of execution that results may not depend on.

#include "emulator/emulator.h"

namespace emu::testing {

inline constexpr Order kOrders[] = {Order::kForward, Order::kReverse, Order::kRandom};

}  // namespace emu::testing
