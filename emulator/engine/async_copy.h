#pragma once
/// A thread's copy from global to shared memory that is under way (cp.async).

#include <cstdint>

#include "emulator/source_location.h"

namespace emu {

struct AsyncCopy {
  char* to;
  const char* from;
  unsigned bytes;       ///< at `to`: 4, 8 or 16
  unsigned valid;       ///< of them copied; the rest becomes zero
  std::uint32_t group;  ///< groups that the thread had committed before
  bool moved;           ///< the data are there, though nobody may look yet
  SourceLocation place;
};

}  // namespace emu
