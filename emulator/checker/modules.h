#pragma once
/// The program and its shared libraries in memory.

#include <cstddef>
#include <cstdint>
#include <string>

namespace emu {

/// A loaded file; `bias` is what its addresses were moved by.
struct Module {
  std::string path;
  std::uintptr_t bias = 0;
};

/// The module that contains an address; an empty path if none does.
Module module_of(const void* address);

/// Whether [p, p + bytes) lies in memory that a module maps read-only: constants and tables.
bool in_constant_data(const void* p, std::size_t bytes);

}  // namespace emu
