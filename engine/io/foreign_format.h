#pragma once
/// Files of other formats that are given in place of a safetensors file. Threads: any may call, also at the same time.

#include <string>
#include <string_view>

#include "engine/io/bytes.h"

namespace engram::io {

/// What the file is, as far as its first bytes tell, and how to make a safetensors file of it: one line, for example
/// `a NumPy archive (.npz); convert it with: python3 -c "..."`. Empty for bytes that are no format known here. Looks at
/// signatures only, of at most the first 512 bytes, and never fails. `path` is the file's name, for the command.
std::string describe_foreign_format(ByteView file, std::string_view path);

}  // namespace engram::io
