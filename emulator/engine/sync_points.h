#pragma once
/// Which synchronisations a program reaches, and one that is left out (emulator/mutation.h).

#include "emulator/source_location.h"

namespace emu {

/// Called for each __syncthreads, __syncwarp and wait for asynchronous copies: notes it, and says whether it is to be
/// left out.
bool sync_is_removed(SourceLocation sync);

}  // namespace emu
