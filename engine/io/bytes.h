#pragma once
/// Byte buffers and little-endian fields. Every file format of engram is little-endian on disk.
/// Threads: any may call, also at the same time.
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engram::io {

static_assert(std::endian::native == std::endian::little, "engine/io copies numbers to disk as they lie in memory");

/// An owned run of bytes.
using Bytes = std::vector<std::uint8_t>;

/// A borrowed run of bytes; whoever hands it out keeps the bytes alive.
using ByteView = std::span<const std::uint8_t>;

/// The bytes of a text, borrowed.
inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The text in some bytes, borrowed. Nothing is checked.
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads a number at any address. The caller has checked that sizeof(T) bytes are there.
template <class T>
T load_le(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// Writes a number to any address.
template <class T>
void store_le(std::uint8_t* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

/// Appends a number to a buffer.
template <class T>
void append_le(Bytes& to, T value) {
  const std::size_t end = to.size();
  to.resize(end + sizeof(T));
  store_le(to.data() + end, value);
}

/// A name from a file as it may stand in an error message: in double quotes, cut at 120 bytes, everything that is not
/// printable ASCII escaped as \xNN, so that a hostile file cannot write to the terminal.
std::string quoted_name(std::string_view name);

}  // namespace engram::io
