#pragma once
/// Shared memory of a block: an arena with red zones between the arrays, filled with 0xFF bytes (NaN, -1) before each
/// block.

#include <cstddef>

#include "emulator/source_location.h"

namespace emu {

/// Identity of a static shared array.
struct SharedTag {
  const char* name;
  SourceLocation location;
};

/// The block's array with this tag.
void* shared_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment);
/// The block's dynamic shared memory.
void* dynamic_shared();

}  // namespace emu

#define EMU_SHARED(type, name, ...)                                              \
  static constexpr ::emu::SharedTag name##_emu_tag{#name, {__FILE__, __LINE__}}; \
  using name##_emu_type = type __VA_ARGS__;                                      \
  auto& name = *static_cast<name##_emu_type*>(                                   \
      ::emu::shared_array(&name##_emu_tag, sizeof(name##_emu_type), alignof(name##_emu_type)))

// The emulator aligns dynamic shared memory to 1024 bytes; a kernel that relies on more than 16 says so.
#define EMU_DYNAMIC_SHARED_1024(type, name) EMU_DYNAMIC_SHARED(type, name)
#define EMU_DYNAMIC_SHARED(type, name) type* const name = static_cast<type*>(::emu::dynamic_shared())
