/// JPEG: files made by the words of the format decode to what its formulas say, files of an encoder to what Pillow
/// makes of them; damage is refused, limits hold.

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/image_file.h"
#include "engine/io/jpeg.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

const std::filesystem::path kExamples = std::filesystem::path(ENGRAM_SOURCE_DIR) / "tests/data/jpeg";

void append_be16(Bytes& to, int value) {
  to.insert(to.end(), {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
}

void append_segment(Bytes& to, std::uint8_t marker, const Bytes& data) {
  to.insert(to.end(), {0xff, marker});
  append_be16(to, static_cast<int>(data.size()) + 2);
  to.insert(to.end(), data.begin(), data.end());
}

/// Codes of a scan; every 0xff is followed by a zero.
class CodeWriter {
 public:
  void put(int value, int bits) {
    for (int bit = bits - 1; bit >= 0; --bit) put_bit((value >> bit) & 1);
  }
  /// A coefficient: the code of its size, then its bits.
  void put_coefficient(int value) {
    int size = 0;
    while (std::abs(value) >> size) ++size;
    put(size, kCodeBits);
    put(value < 0 ? value + (1 << size) - 1 : value, size);
  }
  Bytes finish() {
    while (used_ != 0) put_bit(1);
    return bytes_;
  }

  static constexpr int kCodeBits = 4;

 private:
  void put_bit(int bit) {
    byte_ = byte_ << 1 | bit;
    if (++used_ < 8) return;
    bytes_.push_back(static_cast<std::uint8_t>(byte_));
    if (byte_ == 0xff) bytes_.push_back(0);
    byte_ = used_ = 0;
  }

  Bytes bytes_;
  int byte_ = 0, used_ = 0;
};

/// A JPEG file made by the words of the format, without libjpeg: one block size, quantisation by 8 for all frequencies,
/// codes of four bits each. A block is its mean and perhaps the frequencies behind it in zigzag order, none of them 0.
struct RawJpeg {
  int width, height, components;
  std::vector<std::vector<int>> blocks;  ///< components innermost
  int adobe_transform = -1;              ///< -1: no Adobe segment
  std::uint8_t frame = 0xc0;             ///< SOF0
  std::uint8_t precision = 8;

  Bytes file() const {
    Bytes out = {0xff, 0xd8};
    if (adobe_transform >= 0)
      append_segment(out, 0xee,
                     {'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, static_cast<std::uint8_t>(adobe_transform)});
    Bytes quantisation(65, 8);
    quantisation[0] = 0;
    append_segment(out, 0xdb, quantisation);
    Bytes frame_header = {precision};
    append_be16(frame_header, height);
    append_be16(frame_header, width);
    Bytes scan_header;
    frame_header.push_back(static_cast<std::uint8_t>(components));
    scan_header.push_back(static_cast<std::uint8_t>(components));
    for (std::uint8_t c = 1; c <= components; ++c) {
      frame_header.insert(frame_header.end(), {c, 0x11, 0});
      scan_header.insert(scan_header.end(), {c, 0});
    }
    scan_header.insert(scan_header.end(), {0, 63, 0});
    append_segment(out, frame, frame_header);
    // Twelve symbols of four bits: sizes 0 to 11 of the mean; the end of the block (0) and sizes 1 to 11 without run.
    for (const std::uint8_t table : {0x00, 0x10}) {
      Bytes codes = {table, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
      for (std::uint8_t size = 0; size < 12; ++size) codes.push_back(size);
      append_segment(out, 0xc4, codes);
    }
    append_segment(out, 0xda, scan_header);
    const Bytes coded = codes();
    out.insert(out.end(), coded.begin(), coded.end());
    out.insert(out.end(), {0xff, 0xd9});
    return out;
  }

 private:
  Bytes codes() const {
    CodeWriter writer;
    std::vector<int> last(static_cast<std::size_t>(components), 0);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      int& before = last[b % last.size()];
      writer.put_coefficient(blocks[b][0] - before);
      before = blocks[b][0];
      for (std::size_t k = 1; k < blocks[b].size(); ++k) writer.put_coefficient(blocks[b][k]);
      writer.put(0, CodeWriter::kCodeBits);
    }
    return writer.finish();
  }
};

/// A block whose pixels all have this value: the mean is 8 times their distance from 128, quantised by 8.
std::vector<int> flat(int value) {
  return {value - 128};
}

Bytes example(const std::string& name) {
  return read_file(kExamples / name, 1 << 20);
}

TEST(Jpeg, DecodesGreyBlocks) {
  const Image image = decode_jpeg(RawJpeg{10, 3, 1, {flat(100), flat(255)}}.file());
  EXPECT_EQ(image.width, 10);
  EXPECT_EQ(image.height, 3);
  EXPECT_EQ(image.channels, 1);
  for (dim_t p = 0; p < 30; ++p) EXPECT_EQ(image.pixels[std::size_t(p)], p % 10 < 8 ? 100 : 255) << p;
}

TEST(Jpeg, TransformsFrequencies) {
  // Zigzag order begins (0,0), (0,1), (1,0), (2,0), (1,1) as (row, column).
  const std::vector<int> block = {-9, 12, -7, 3, 5};
  const int rows[] = {0, 0, 1, 2, 1}, columns[] = {0, 1, 0, 0, 1};
  const Image image = decode_jpeg(RawJpeg{8, 8, 1, {block}}.file());
  const auto wave = [](int frequency, int at) {
    return (frequency == 0 ? std::sqrt(0.125) : 0.5) * std::cos((2 * at + 1) * frequency * std::numbers::pi / 16);
  };
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      double value = 128;
      for (std::size_t k = 0; k < block.size(); ++k) value += 8 * block[k] * wave(rows[k], y) * wave(columns[k], x);
      EXPECT_NEAR(image.pixels[std::size_t(y * 8 + x)], value, 0.51) << y << " " << x;
    }
}

TEST(Jpeg, ColoursFollowTheirDeclaration) {
  const auto first = [](const RawJpeg& raw) {
    const Bytes pixels = decode_jpeg(raw.file()).pixels;
    return Bytes(pixels.begin(), pixels.begin() + 3);
  };
  // R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb, from 128.
  EXPECT_EQ(first({1, 1, 3, {flat(100), flat(128), flat(200)}}), (Bytes{201, 49, 100}));
  EXPECT_EQ(first({1, 1, 3, {flat(150), flat(100), flat(90)}}), (Bytes{97, 187, 100}));
  EXPECT_EQ(first({1, 1, 3, {flat(250), flat(0), flat(255)}}), (Bytes{255, 203, 23}));
  EXPECT_EQ(first({1, 1, 3, {flat(10), flat(20), flat(30)}, 0}), (Bytes{10, 20, 30})) << "declared as RGB";
  // Inverted inks: each channel is its value times black's / 255.
  EXPECT_EQ(first({1, 1, 4, {flat(200), flat(100), flat(50), flat(128)}, 0}), (Bytes{100, 50, 25}));
  EXPECT_EQ(first({1, 1, 4, {flat(255), flat(0), flat(7), flat(255)}}), (Bytes{255, 0, 7})) << "not declared";
}

TEST(Jpeg, PixelsAreThoseOfPillow) {
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kExamples)) {
    if (entry.path().extension() != ".jpg") continue;
    ++found;
    const Image expected = read_png(std::filesystem::path(entry.path()).replace_extension(".png"));
    EXPECT_EQ(read_image(entry.path()), expected) << entry.path();
  }
  EXPECT_EQ(found, 12);
  EXPECT_EQ(read_image(kExamples / "rgb_turned.jpg"), read_image(kExamples / "rgb_420.jpg")) << "EXIF is ignored";
}

TEST(Jpeg, RefusesTruncationAtEveryByte) {
  for (const char* name : {"grey.jpg", "rgb_420.jpg", "rgb_progressive.jpg", "rgb_restarts.jpg", "cmyk.jpg"}) {
    const Bytes file = example(name);
    for (std::size_t size = 0; size < file.size(); ++size)
      EXPECT_THROW(decode_jpeg(ByteView(file).first(size)), DataError) << name << " " << size;
  }
}

TEST(Jpeg, PassesOverBytesBehindTheEnd) {
  for (const char* name : {"rgb_420.jpg", "rgb_progressive.jpg"}) {
    const Image image = decode_jpeg(example(name));
    for (const Bytes& more : {Bytes(20, 0), Bytes{'\n'}, Bytes(70000, 0xa5), example("grey.jpg")}) {
      Bytes longer = example(name);
      longer.insert(longer.end(), more.begin(), more.end());
      EXPECT_EQ(decode_jpeg(longer), image) << name;
    }
  }
}

TEST(Jpeg, RefusesDamage) {
  EXPECT_ERROR(decode_jpeg(as_bytes("GIF89a and so on"), "x.jpg"), DataError, "[x.jpg] expected a JPEG file, got");
  EXPECT_ERROR(decode_jpeg({}, "x.jpg"), DataError, "expected a JPEG file, got another signature");
  EXPECT_ERROR(decode_jpeg(ByteView(example("grey.jpg")).first(500), "x.jpg"), DataError,
               "[x.jpg] expected a valid JPEG image, got an error: \"Premature end of JPEG file\"");
  const RawJpeg good{8, 8, 1, {flat(100)}};
  const auto with = [&](auto&& change) {
    RawJpeg raw = good;
    change(raw);
    return raw.file();
  };
  EXPECT_EQ(decode_jpeg(good.file()).pixels, Bytes(64, 100));
  EXPECT_ERROR(decode_jpeg(with([](RawJpeg& raw) { raw.width = 0; })), DataError, "Empty JPEG image");
  EXPECT_ERROR(decode_jpeg(with([](RawJpeg& raw) { raw.precision = 12; })), DataError, "precision 12");
  EXPECT_ERROR(decode_jpeg(with([](RawJpeg& raw) { raw.frame = 0xc3; })), DataError, "SOF type 0xc3");
  EXPECT_ERROR(decode_jpeg(with([](RawJpeg& raw) { raw.frame = 0xc9; })), DataError, "got arithmetic codes");
  EXPECT_ERROR(decode_jpeg(RawJpeg{8, 8, 2, {flat(1), flat(2)}}.file()), DataError,
               "expected a JPEG image of grey, RGB or CMYK values, got 2 components");
  // Warnings of the library: a block that is missing, a code that none has, bytes between the segments.
  EXPECT_ERROR(decode_jpeg(with([](RawJpeg& raw) { raw.width = 800; })), DataError, "premature end of data segment");
  Bytes wrong_code = RawJpeg{800, 8, 1, std::vector<std::vector<int>>(100, flat(100))}.file();
  wrong_code[wrong_code.size() - 40] = 0xfe;
  EXPECT_ERROR(decode_jpeg(wrong_code), DataError, "bad Huffman code");
  Bytes stray = good.file();
  stray.insert(stray.end() - 2, 40, 1);
  EXPECT_ERROR(decode_jpeg(stray), DataError, "extraneous bytes before marker");
}

TEST(Jpeg, DamageAnywhereEndsInAnErrorOrAnImage) {
  for (const char* name : {"rgb_420.jpg", "rgb_progressive.jpg", "cmyk.jpg"}) {
    const Bytes good = example(name);
    int refused = 0;
    for (std::size_t at = 0; at < good.size(); ++at) {
      Bytes damaged = good;
      damaged[at] ^= 0x15;
      try {
        const Image image = decode_jpeg(damaged, "jpeg", {.max_side = 4096, .max_pixels = 1 << 20});
        EXPECT_EQ(dim_t(image.pixels.size()), image.width * image.height * image.channels);
      } catch (const DataError&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 100) << name;
  }
}

TEST(Jpeg, KeepsToItsLimits) {
  const Bytes file = example("rgb_progressive.jpg");  // 37 x 29, ten scans
  EXPECT_ERROR(decode_jpeg(file, "f.jpg", {.max_side = 36}), DataError, "[f.jpg] expected sides of at most 36");
  EXPECT_ERROR(decode_jpeg(file, "f.jpg", {.max_side = 37, .max_pixels = 1072}), DataError,
               "at most 1072 pixels, got 37 x 29");
  EXPECT_EQ(decode_jpeg(file, "f.jpg", {.max_side = 37, .max_pixels = 1073}).width, 37);
  EXPECT_ERROR(decode_jpeg(file, "f.jpg", {.max_scans = 9}), DataError, "expected at most 9 scans of a JPEG image");
  EXPECT_EQ(decode_jpeg(file, "f.jpg", {.max_scans = 10}).width, 37);
  const RawJpeg tall{8, 4000, 1, {}, -1, 0xc2};  // a progressive image is kept as a whole
  EXPECT_ERROR(decode_jpeg(tall.file(), "f.jpg", {.max_working_bytes = 50000}), DataError,
               "expected an image that takes at most 50000 bytes to decode, got one of 8 x 4000");
  EXPECT_ERROR(decode_jpeg(RawJpeg{65500, 65500, 1, {}}.file()), DataError, "got 65500 x 65500");
  EXPECT_ERROR(decode_jpeg(RawJpeg{16384, 16384, 3, {}}.file()), DataError, "got 16384 x 16384");
}

TEST(ImageFile, ContentDecidesAndNotTheName) {
  test::TempFolder folder;
  const Image grey = read_image(kExamples / "grey.jpg");
  write_file(folder / "a.png", example("grey.jpg"));
  write_file(folder / "b.jpg", encode_png(grey));
  EXPECT_EQ(read_image(folder / "a.png"), grey);
  EXPECT_EQ(read_image(folder / "b.jpg"), grey);
  write_file(folder / "c.jpg", std::string_view("a photograph"));
  EXPECT_ERROR(read_image(folder / "c.jpg"), DataError, "c.jpg] expected a PNG or JPEG file, got another signature");
  write_file(folder / "d.jpg", std::string_view(""));
  EXPECT_ERROR(read_image(folder / "d.jpg"), DataError, "d.jpg] expected a PNG or JPEG file, got an empty one");
  EXPECT_ERROR(read_image(folder / "e.jpg"), IoError, "e.jpg");
  EXPECT_EQ(image_ending("x/y.PNG") + image_ending("y.Jpeg") + image_ending("y.JPG"), ".png.jpeg.jpg");
  EXPECT_EQ(image_ending("png") + image_ending("y.gif") + image_ending(".jpg"), "");
}

}  // namespace
}  // namespace engram::io
