#include "engine/io/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // the largest window, gzip wrapping only
constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

/// zlib counts in 32 bits: the most of `size` that one call can take.
uInt piece(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

/// An unpacking stream; destroyed with its scope.
struct Inflater {
  z_stream stream{};
  Inflater() {
    if (inflateInit2(&stream, kGzipWindowBits) != Z_OK)
      throw OutOfMemory("[gunzip] expected memory for a stream, got none");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

/// A packing stream; destroyed with its scope.
struct Deflater {
  z_stream stream{};
  Deflater() {
    constexpr int kMemoryLevel = 8;  // zlib's default
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw OutOfMemory("[gzip] expected memory for a stream, got none");
    }
  }
  ~Deflater() { deflateEnd(&stream); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
};

}  // namespace

bool is_gzip(ByteView file) {
  return file.size() >= 2 && file[0] == 0x1f && file[1] == 0x8b;
}

Bytes gunzip(ByteView file, std::uint64_t max_bytes, std::string_view source) {
  const auto fail = [&](const auto&... what) { throw DataError(message("[", source, "] ", what...)); };
  if (!is_gzip(file)) fail("expected a gzip file, got another signature");
  Inflater inflater;
  z_stream& stream = inflater.stream;
  Bytes content, buffer(kPieceBytes);
  for (;;) {
    // zlib takes a writable pointer but only reads.
    stream.next_in = const_cast<Bytef*>(file.data());
    const uInt offered = piece(file.size());
    stream.avail_in = offered;
    stream.next_out = buffer.data();
    stream.avail_out = static_cast<uInt>(buffer.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw OutOfMemory("[gunzip] expected memory for a window, got none");
    // There is always room for output, so no progress (Z_BUF_ERROR) means that input is missing.
    if (status == Z_BUF_ERROR)
      fail("expected a complete gzip file, got a truncated one after ", content.size(), " bytes");
    if (status != Z_OK && status != Z_STREAM_END) {
      fail("expected valid gzip data, got an error after ", content.size(),
           " bytes: ", stream.msg ? stream.msg : "unknown");
    }
    const std::size_t produced = buffer.size() - stream.avail_out;
    if (produced > max_bytes - content.size()) fail("expected at most ", max_bytes, " bytes of content, got more");
    content.insert(content.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(produced));
    file = file.subspan(offered - stream.avail_in);
    if (status == Z_STREAM_END) {
      // Zeros fill the last block of some media; gzip passes over them too.
      if (std::all_of(file.begin(), file.end(), [](std::uint8_t byte) { return byte == 0; })) return content;
      if (!is_gzip(file)) fail("expected the file to end or another member, got ", file.size(), " other bytes");
      inflateReset(&stream);
    }
  }
}

Bytes read_gzip(const std::filesystem::path& path, std::uint64_t max_bytes) {
  return gunzip(read_file(path, max_bytes), max_bytes, path.string());
}

Bytes gzip(ByteView content) {
  Deflater deflater;
  z_stream& stream = deflater.stream;
  Bytes file, buffer(kPieceBytes);
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_in = const_cast<Bytef*>(content.data());
    const uInt offered = piece(content.size());
    stream.avail_in = offered;
    stream.next_out = buffer.data();
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = deflate(&stream, offered == content.size() ? Z_FINISH : Z_NO_FLUSH);
    content = content.subspan(offered - stream.avail_in);
    file.insert(file.end(), buffer.begin(), buffer.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  }
  return file;
}

}  // namespace engram::io
