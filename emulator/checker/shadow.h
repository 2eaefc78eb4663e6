#pragma once
/// What the checker knows of each byte of emulated device and shared memory.

#include <cstddef>
#include <cstdint>
#include <string>

#include "emulator/checker/sites.h"

namespace emu {

/// One access: who, where in the program, at which point of the block's and the warp's synchronisation.
struct Stamp {
  std::uint32_t block = 0;  ///< serial number; 0: no access
  SiteId site = 0;
  std::uint32_t barriers = 0;  ///< block barriers that the thread had passed
  std::uint32_t clock = 0;     ///< the lane's own clock (warp_clocks.h)
  std::uint16_t thread = 0;
  std::uint8_t bytes = 0;  ///< mask of the cell's bytes
  bool atomic = false;
};

/// Accesses to four bytes: the last write; two reads of the running block, of different warps if there were such; a
/// read of another block of the launch.
struct History {
  Stamp write, read, other_read, foreign_read;
};

/// State of a cell of four bytes: bit i of the low half: byte i may be accessed; of the high half: it is initialised.
using CellState = std::uint8_t;

/// Number of a cell.
using Cell = std::size_t;
inline constexpr std::size_t kCellBytes = 4;

/// Reserves the address space of all emulated memory on first use.
void* shadow_allocate(std::size_t bytes);
void shadow_deallocate(void* p, std::size_t bytes);

/// Whether p points into that address space.
bool is_emulated(const void* p);
/// Cell that contains p.
Cell cell_of(const void* p);
CellState& state_of(Cell cell);
History& history_of(Cell cell);

/// Sets both halves of the state of a range.
void set_state(const void* p, std::size_t bytes, bool allocated, bool initialised);
/// Sets the high half only.
void set_initialised(const void* p, std::size_t bytes);
/// First byte of the range that may not be accessed, or null.
const char* first_invalid(const void* p, std::size_t bytes);

/// Names of allocations, for reports.
void note_allocation(const void* p, std::size_t bytes, const char* name);
void forget_allocation(const void* p);
/// "12 bytes after the nearest allocation 'x' of size 256 bytes", or "inside ...", for a device address.
std::string describe_address(const void* p);

}  // namespace emu
