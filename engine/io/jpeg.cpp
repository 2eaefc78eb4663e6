#include "engine/io/jpeg.h"

// jpeglib.h takes FILE and size_t from what stands before it.
// clang-format off
#include <csetjmp>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include "kernels/common/error.h"

#ifndef LIBJPEG_TURBO_VERSION
#error "expected libjpeg-turbo, found another libjpeg, which gives other pixels"
#endif

namespace engram::io {
namespace {

// libjpeg leaves a call through its error handler, here by longjmp, which skips destructors. So the functions that it
// may leave (read_header, read_rows) own nothing: their caller holds the decoder and the buffers, and turns a false
// return into an exception.

/// A libjpeg decoder; destroyed with its scope.
struct JpegReader {
  jpeg_decompress_struct decoder{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf leave;
  int max_scans = 0;
  bool too_many_scans = false;
  char error[JMSG_LENGTH_MAX] = "";

  explicit JpegReader(const JpegLimits& limits);
  ~JpegReader() { jpeg_destroy_decompress(&decoder); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
};

JpegReader& reader_of(j_common_ptr decoder) {
  return *static_cast<JpegReader*>(decoder->client_data);
}

[[noreturn]] void on_error(j_common_ptr decoder) {
  JpegReader& reader = reader_of(decoder);
  reader.errors.format_message(decoder, reader.error);
  std::longjmp(reader.leave, 1);
}

/// Levels below 0 are warnings: the image is damaged, and the library would go on with invented values.
void on_message(j_common_ptr decoder, int level) {
  if (level < 0) on_error(decoder);
}

/// Called while the scans of a progressive image are taken in.
void on_progress(j_common_ptr decoder) {
  JpegReader& reader = reader_of(decoder);
  if (reader.decoder.input_scan_number <= reader.max_scans) return;
  reader.too_many_scans = true;
  std::longjmp(reader.leave, 1);
}

JpegReader::JpegReader(const JpegLimits& limits) : max_scans(limits.max_scans) {
  decoder.err = jpeg_std_error(&errors);
  decoder.client_data = this;
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  progress.progress_monitor = on_progress;
}

/// Reads up to the first scan.
bool read_header(JpegReader& reader, ByteView file, const JpegLimits& limits) {
  jpeg_decompress_struct& decoder = reader.decoder;
  if (setjmp(reader.leave)) return false;
  jpeg_create_decompress(&decoder);
  decoder.progress = &reader.progress;
  decoder.mem->max_memory_to_use = static_cast<long>(limits.max_working_bytes);
  jpeg_mem_src(&decoder, file.data(), static_cast<unsigned long>(file.size()));
  jpeg_read_header(&decoder, TRUE);
  decoder.dct_method = JDCT_ISLOW;
  decoder.do_fancy_upsampling = TRUE;
  return true;
}

/// Fills the pixels and reads to the end of the image.
bool read_rows(JpegReader& reader, std::uint8_t* pixels, std::size_t row_bytes) {
  jpeg_decompress_struct& decoder = reader.decoder;
  if (setjmp(reader.leave)) return false;
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = pixels + decoder.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  return true;
}

/// The number of values a pixel that the library can give without a guess: 1, 3 or 4; 0 for others.
int stored_channels(const jpeg_decompress_struct& decoder) {
  switch (decoder.jpeg_color_space) {
    case JCS_GRAYSCALE:
      return 1;
    case JCS_RGB:
    case JCS_YCbCr:
      return 3;
    case JCS_CMYK:
    case JCS_YCCK:
      return 4;
    default:
      return 0;
  }
}

/// a b / 255, rounded (Pillow's MULDIV255).
int share(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// Inverted inks [N,4] to RGB [N,3]: black takes of each channel what its ink leaves.
Bytes inks_to_rgb(const Bytes& inks) {
  Bytes rgb;
  rgb.reserve(inks.size() / 4 * 3);
  for (std::size_t i = 0; i < inks.size(); i += 4)
    for (std::size_t c = 0; c < 3; ++c)
      rgb.push_back(static_cast<std::uint8_t>(inks[i + 3] - share(255 - inks[i + c], inks[i + 3])));
  return rgb;
}

}  // namespace

bool is_jpeg(ByteView file) {
  return file.size() >= 3 && file[0] == 0xff && file[1] == 0xd8 && file[2] == 0xff;
}

Image decode_jpeg(ByteView file, std::string_view source, const JpegLimits& limits) {
  JpegReader reader(limits);
  const jpeg_decompress_struct& decoder = reader.decoder;
  const auto check = [&](bool good, const auto&... what) {
    if (!good) throw DataError(message("[", source, "] ", what...));
  };
  const auto decoded = [&](bool good) {
    if (!good && reader.errors.msg_code == JERR_OUT_OF_MEMORY)
      throw OutOfMemory("[read_jpeg] expected memory for a decoder, got none");
    check(!reader.too_many_scans, "expected at most ", limits.max_scans, " scans of a JPEG image, got more");
    check(good || reader.errors.msg_code != JERR_NO_BACKING_STORE, "expected an image that takes at most ",
          limits.max_working_bytes, " bytes to decode, got one of ", decoder.image_width, " x ", decoder.image_height);
    check(good, "expected a valid JPEG image, got an error: ", quoted_name(reader.error));
  };
  check(is_jpeg(file), "expected a JPEG file, got another signature");
  decoded(read_header(reader, file, limits));

  Image image;
  image.width = decoder.image_width;
  image.height = decoder.image_height;
  const auto pixels = static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
  check(image.width <= limits.max_side && image.height <= limits.max_side && pixels <= limits.max_pixels,
        "expected sides of at most ", limits.max_side, " and at most ", limits.max_pixels, " pixels, got ", image.width,
        " x ", image.height);
  check(!decoder.arith_code, "expected a JPEG image with Huffman codes, got arithmetic codes");
  const int channels = stored_channels(decoder);
  check(channels != 0, "expected a JPEG image of grey, RGB or CMYK values, got ", decoder.num_components,
        " components of an unknown colour space");
  reader.decoder.out_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  image.channels = channels == 1 ? 1 : 3;
  image.pixels.resize(pixels * static_cast<std::uint64_t>(channels));
  decoded(read_rows(reader, image.pixels.data(), static_cast<std::size_t>(image.width * channels)));
  if (channels == 4) image.pixels = inks_to_rgb(image.pixels);
  return image;
}

}  // namespace engram::io
