#pragma once
/// Gzip files (RFC 1952), through zlib. Threads: any may call, also at the same time.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/io/bytes.h"

namespace engram::io {

/// True when the bytes begin as a gzip file does.
bool is_gzip(ByteView file);

/// Unpacks a whole gzip file that lies in memory; a file of several members gives their contents in a row. Never takes
/// much more memory than the content needs, whatever the file says. `source` (a file name) begins every message. Throws
/// DataError when the file is truncated or damaged (checksum and length are checked), when something else follows the
/// last member, or when the content exceeds `max_bytes`.
Bytes gunzip(ByteView file, std::uint64_t max_bytes, std::string_view source = "gzip");

/// Reads and unpacks a file, which has to be at most `max_bytes` long, too. Throws IoError when it cannot be read,
/// DataError as above.
Bytes read_gzip(const std::filesystem::path& path, std::uint64_t max_bytes);

/// Packs bytes as one member without name or time. Equal bytes give equal files (for one version of zlib).
Bytes gzip(ByteView content);

}  // namespace engram::io
