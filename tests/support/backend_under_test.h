#pragma once
/// What the kernel tests run on. The same tests are linked twice: with the CPU back end, and with the CUDA kernels on
/// the emulator.

#include <vector>

#include "kernels/backend.h"

namespace engram::kernels {

/// The back end that this executable tests. It takes pointers to host memory: where the back end has memory of its own,
/// operands are copied there and back.
const Backend& backend_under_test();

}  // namespace engram::kernels

namespace engram::testing {

/// Orders of execution that must not change any bit: 1, 2 and 3 OpenMP threads on the CPU; forward, reverse and random
/// thread order on the emulator. -1 restores what was set before the first change.
void set_schedule(int schedule);

/// Runs `body()` under each of three schedules and returns the three results.
template <class Body>
auto at_schedules(const Body& body) {
  std::vector<decltype(body())> results;
  for (int schedule : {0, 1, 2}) {
    set_schedule(schedule);
    results.push_back(body());
  }
  set_schedule(-1);
  return results;
}

}  // namespace engram::testing
