#pragma once
/// Program points of kernels: small numbers for instruction addresses and source lines, and what they are in the
/// source.

#include <cstdint>
#include <string>

#include "emulator/source_location.h"

namespace emu {

/// Number of a program point; 0 is none. The same point has the same number as long as the process lives.
using SiteId = std::uint32_t;

/// Number of the instruction at `pc` (a return address); `part` tells apart the pieces of one access that the GPU makes
/// in several.
SiteId site_of_instruction(const void* pc, int part = 0);
/// Number of a source line; `part`, below 64, tells apart what it does there.
SiteId site_of_line(SourceLocation location, int part = 0);
/// One more than the largest number so far.
SiteId site_limit();

/// "file.cu:12", with "(inlined at ...)" where the access stands in a helper; module and offset where there are no line
/// tables or no addr2line program. Slow the first time.
const std::string& site_text(SiteId site);

/// The mangled name of the function at `address`, from its module's symbol table; empty if it has none.
std::string function_symbol(const void* address);

}  // namespace emu
