#pragma once
/// A place in kernel source.

namespace emu {

/// File and line as the compiler knows them.
struct SourceLocation {
  const char* file = "?";
  int line = 0;
};

}  // namespace emu

/// Last parameter of emulated intrinsics: the caller's file and line.
#define EMU_CALLER ::emu::SourceLocation caller = {__builtin_FILE(), __builtin_LINE()}
