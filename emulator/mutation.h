#pragma once
/// Mutation test of synchronisation: removes one __syncthreads, __syncwarp or wait for copies at a time, while the
/// program runs, and asks whether a test would have noticed. Nothing is compiled anew, so any set of kernels can be
/// tried.

#include <functional>
#include <string>
#include <vector>

#include "emulator/source_location.h"

namespace emu {

/// One removed synchronisation.
struct SyncRemoval {
  SourceLocation sync;
  std::string caught_by;  ///< "racecheck, forward order", "wrong result, reverse order"; empty: nothing noticed
};

/// Runs `cases` in forward, reverse and random order with every synchronisation that they reach removed in turn, by
/// source line. `cases` launches kernels and returns whether the results are right. Reports of earlier launches are
/// dropped. The list is in order of file and line. Throws std::logic_error if `cases` fails or reports with nothing
/// removed.
std::vector<SyncRemoval> remove_each_sync(const std::function<bool()>& cases);

}  // namespace emu
