#pragma once
/// What a runtime may know of a kernel's pointers.

namespace emu {

/// A pointer among a kernel's arguments.
struct PointerArgument {
  const void* address;
  bool written;  ///< not a pointer to const, or inside a struct, where that is not known
};

}  // namespace emu
