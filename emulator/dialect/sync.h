#pragma once
/// Block barriers and fences.

#include <cstdint>

#include "emulator/source_location.h"

namespace emu {

/// Kinds of block barrier; the last three combine a predicate.
enum class Barrier : std::uint8_t { kPlain, kCount, kAnd, kOr };

/// Waits for the block. Returns the combined predicate.
int block_barrier(Barrier kind, int predicate, SourceLocation caller);

}  // namespace emu

inline void __syncthreads(EMU_CALLER) {
  emu::block_barrier(emu::Barrier::kPlain, 0, caller);
}
inline int __syncthreads_count(int predicate, EMU_CALLER) {
  return emu::block_barrier(emu::Barrier::kCount, predicate, caller);
}
inline int __syncthreads_and(int predicate, EMU_CALLER) {
  return emu::block_barrier(emu::Barrier::kAnd, predicate, caller);
}
inline int __syncthreads_or(int predicate, EMU_CALLER) {
  return emu::block_barrier(emu::Barrier::kOr, predicate, caller);
}

// Threads of a block run one at a time and memory is sequentially consistent: fences have nothing to do. The checker
// does not take them as synchronisation either.
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
