#pragma once
/// What instrumented kernels call for each of their accesses.

#include <cstddef>

#include "emulator/engine/hooks.h"

namespace emu {

/// One access of `bytes` bytes by the instruction before `pc`. `aligned`: the GPU demands natural alignment of it.
void instrumented_access(const void* p, std::size_t bytes, AccessKind kind, bool aligned, const void* pc,
                         SourceLocation caller = {});

}  // namespace emu
