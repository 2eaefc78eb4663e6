#include "engine/io/png.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

// libpng leaves a call by longjmp, which skips destructors. So the functions that libpng may leave (decode_header,
// decode_rows, encode_all) own nothing: their caller holds the libpng objects and the buffers, and turns a false return
// into an exception.

constexpr std::size_t kMaxErrorText = 200;

/// Where libpng reads from or writes to, and the last error's text.
struct Channel {
  ByteView unread;
  Bytes* written = nullptr;
  bool out_of_memory = false;
  char error[kMaxErrorText] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* channel = static_cast<Channel*>(png_get_error_ptr(png));
  std::strncpy(channel->error, text, kMaxErrorText - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, std::size_t count) {
  auto* channel = static_cast<Channel*>(png_get_io_ptr(png));
  if (count > channel->unread.size()) png_error(png, "the file ends early");
  std::memcpy(to, channel->unread.data(), count);
  channel->unread = channel->unread.subspan(count);
}

void write_bytes(png_structp png, png_bytep from, std::size_t count) {
  auto* channel = static_cast<Channel*>(png_get_io_ptr(png));
  try {
    channel->written->insert(channel->written->end(), from, from + count);
    return;
  } catch (const std::bad_alloc&) {
    channel->out_of_memory = true;
  }
  png_error(png, "out of memory");
}

void flush_nothing(png_structp) {}

/// A libpng reader; destroyed with its scope.
struct Reader {
  Channel channel;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Reader() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &channel, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

/// A libpng writer; destroyed with its scope.
struct Writer {
  Channel channel;
  png_structp png = nullptr;
  png_infop info = nullptr;

  Writer() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &channel, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

/// Reads up to the first pixel and asks for 8-bit grey or RGB.
bool decode_header(Reader& reader, const PngLimits& limits) {
  constexpr png_alloc_size_t kMaxChunkBytes = 1 << 23;
  constexpr png_uint_32 kMaxChunks = 1000;
  png_structp png = reader.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_user_limits(png, limits.max_side, limits.max_side);
  png_set_chunk_cache_max(png, kMaxChunks);
  png_set_chunk_malloc_max(png, kMaxChunkBytes);
  png_set_read_fn(png, &reader.channel, read_bytes);
  png_read_info(png, reader.info);
  png_set_scale_16(png);
  png_set_palette_to_rgb(png);
  if (png_get_bit_depth(png, reader.info) < 8) png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  return true;
}

/// Fills the rows and reads to the end of the image.
bool decode_rows(Reader& reader, png_bytep* rows) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

bool encode_all(Writer& writer, const Image& image, png_bytep* rows) {
  png_structp png = writer.png;
  if (setjmp(png_jmpbuf(png))) return false;
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_write_fn(png, &writer.channel, write_bytes, flush_nothing);
  png_set_IHDR(png, writer.info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
               image.channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, writer.info);
  png_write_image(png, rows);
  png_write_end(png, nullptr);
  return true;
}

std::vector<png_bytep> row_pointers(std::uint8_t* pixels, dim_t height, dim_t row_bytes) {
  std::vector<png_bytep> rows(static_cast<std::size_t>(height));
  for (dim_t y = 0; y < height; ++y) rows[y] = pixels + y * row_bytes;
  return rows;
}

}  // namespace

bool is_png(ByteView file) {
  constexpr std::size_t kSignatureBytes = 8;
  return file.size() >= kSignatureBytes && png_sig_cmp(file.data(), 0, kSignatureBytes) == 0;
}

Image decode_png(ByteView file, std::string_view source, const PngLimits& limits) {
  Reader reader;
  if (!reader.info) throw OutOfMemory("[read_png] expected memory for a decoder, got none");
  const auto check = [&](bool good, const auto&... what) {
    if (!good) throw DataError(message("[", source, "] ", what...));
  };
  const auto decoded = [&](bool good) {
    check(good, "expected a valid PNG image, got an error: ", quoted_name(reader.channel.error));
  };
  check(is_png(file), "expected a PNG file, got another signature");
  reader.channel.unread = file;
  decoded(decode_header(reader, limits));

  Image image;
  image.width = png_get_image_width(reader.png, reader.info);
  image.height = png_get_image_height(reader.png, reader.info);
  const int colour = png_get_color_type(reader.png, reader.info);
  image.channels = colour == PNG_COLOR_TYPE_GRAY || colour == PNG_COLOR_TYPE_GRAY_ALPHA ? 1 : 3;
  const auto pixels = static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  check(pixels <= limits.max_pixels, "expected at most ", limits.max_pixels, " pixels, got ", image.width, " x ",
        image.height);
  image.pixels.resize(pixels * static_cast<std::uint64_t>(image.channels));
  auto rows = row_pointers(image.pixels.data(), image.height, image.width * image.channels);
  decoded(decode_rows(reader, rows.data()));
  return image;
}

Image read_png(const std::filesystem::path& path, const PngLimits& limits) {
  return decode_png(read_file(path, limits.max_file_bytes), path.string(), limits);
}

Bytes encode_png(const Image& image) {
  const bool valid =
      image.width >= 1 && image.height >= 1 && image.width <= PNG_UINT_31_MAX && image.height <= PNG_UINT_31_MAX &&
      (image.channels == 1 || image.channels == 3) &&
      image.pixels.size() / static_cast<std::uint64_t>(image.channels) / static_cast<std::uint64_t>(image.width) ==
          static_cast<std::uint64_t>(image.height) &&
      image.pixels.size() % static_cast<std::uint64_t>(image.channels * image.width) == 0;
  if (!valid) {
    throw ShapeError(message("[write_png] expected [H,W,C] pixels with C = 1 or 3, got [", image.height, ",",
                             image.width, ",", image.channels, "] and ", image.pixels.size(), " values"));
  }
  Bytes file;
  Writer writer;
  if (!writer.info) throw OutOfMemory("[write_png] expected memory for an encoder, got none");
  writer.channel.written = &file;
  // libpng takes writable rows but only reads them.
  auto rows = row_pointers(const_cast<std::uint8_t*>(image.pixels.data()), image.height, image.width * image.channels);
  if (!encode_all(writer, image, rows.data())) {
    if (writer.channel.out_of_memory) throw OutOfMemory("[write_png] expected memory for the file, got none");
    throw Error(
        message("[write_png] expected an image that libpng takes, got an error: ", quoted_name(writer.channel.error)));
  }
  return file;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  write_file(path, encode_png(image));
}

}  // namespace engram::io
