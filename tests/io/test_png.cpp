/// PNG: every colour type decodes to the values its definition says, damage is refused, limits hold, grids place
/// pixels.

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temp_folder.h"

namespace engram::io {
namespace {

void append_be32(Bytes& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_chunk(Bytes& to, std::string_view type, const Bytes& data) {
  append_be32(to, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = to.size();
  to.insert(to.end(), type.begin(), type.end());
  to.insert(to.end(), data.begin(), data.end());
  append_be32(to, static_cast<std::uint32_t>(crc32(0, to.data() + begin, static_cast<uInt>(to.size() - begin))));
}

/// A PNG file made by the words of the format, without libpng. `rows` are the raw rows, each behind its filter byte.
struct RawPng {
  std::uint32_t width, height;
  std::uint8_t depth, colour;
  Bytes rows;
  Bytes palette = {}, transparency = {};
  std::uint8_t interlace = 0;

  Bytes file() const {
    Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    Bytes header;
    append_be32(header, width);
    append_be32(header, height);
    header.insert(header.end(), {depth, colour, 0, 0, interlace});
    append_chunk(out, "IHDR", header);
    if (!palette.empty()) append_chunk(out, "PLTE", palette);
    if (!transparency.empty()) append_chunk(out, "tRNS", transparency);
    uLongf size = compressBound(rows.size());
    Bytes packed(size);
    compress(packed.data(), &size, rows.data(), rows.size());
    packed.resize(size);
    append_chunk(out, "IDAT", packed);
    append_chunk(out, "IEND", {});
    return out;
  }
};

Image random_image(dim_t height, dim_t width, dim_t channels) {
  std::mt19937 rng(7);
  Image image{width, height, channels, Bytes(static_cast<std::size_t>(height * width * channels))};
  for (auto& value : image.pixels) value = static_cast<std::uint8_t>(rng());
  return image;
}

TEST(Png, ReadsWhatItWrites) {
  test::TempFolder folder;
  for (const dim_t channels : {1, 3}) {
    for (const dim_t side : {1, 7, 32, 97}) {
      const Image image = random_image(side, side + 2, channels);
      write_png(folder / "a.png", image);
      EXPECT_EQ(read_png(folder / "a.png"), image);
      EXPECT_EQ(encode_png(image), encode_png(image));
    }
  }
}

TEST(Png, DecodesEveryColourType) {
  EXPECT_EQ(decode_png(RawPng{2, 1, 8, 0, {0, 10, 200}}.file()), (Image{2, 1, 1, {10, 200}}));
  EXPECT_EQ(decode_png(RawPng{3, 1, 1, 0, {0, 0b10100000}}.file()), (Image{3, 1, 1, {255, 0, 255}}));
  EXPECT_EQ(decode_png(RawPng{4, 1, 2, 0, {0, 0b00011011}}.file()), (Image{4, 1, 1, {0, 85, 170, 255}}));
  EXPECT_EQ(decode_png(RawPng{2, 1, 4, 0, {0, 0x1f}}.file()), (Image{2, 1, 1, {17, 255}}));
  EXPECT_EQ(decode_png(RawPng{1, 2, 8, 2, {0, 1, 2, 3, 0, 4, 5, 6}}.file()), (Image{1, 2, 3, {1, 2, 3, 4, 5, 6}}));
  EXPECT_EQ(decode_png(RawPng{2, 1, 8, 3, {0, 1, 0}, {1, 2, 3, 7, 8, 9}}.file()), (Image{2, 1, 3, {7, 8, 9, 1, 2, 3}}));
  EXPECT_EQ(decode_png(RawPng{2, 1, 1, 3, {0, 0x80}, {1, 2, 3, 7, 8, 9}}.file()), (Image{2, 1, 3, {7, 8, 9, 1, 2, 3}}));
}

TEST(Png, DropsTransparency) {
  EXPECT_EQ(decode_png(RawPng{1, 1, 8, 6, {0, 1, 2, 3, 0}}.file()), (Image{1, 1, 3, {1, 2, 3}}));
  EXPECT_EQ(decode_png(RawPng{1, 1, 8, 4, {0, 9, 0}}.file()), (Image{1, 1, 1, {9}}));
  EXPECT_EQ(decode_png(RawPng{1, 1, 8, 3, {0, 0}, {1, 2, 3}, {0}}.file()), (Image{1, 1, 3, {1, 2, 3}}));
  EXPECT_EQ(decode_png(RawPng{2, 1, 4, 0, {0, 0x1f}, {}, {0, 1}}.file()), (Image{2, 1, 1, {17, 255}}));
  EXPECT_EQ(decode_png(RawPng{1, 1, 8, 2, {0, 1, 2, 3}, {}, {0, 1, 0, 2, 0, 3}}.file()), (Image{1, 1, 3, {1, 2, 3}}));
}

TEST(Png, RoundsSixteenBits) {
  EXPECT_EQ(decode_png(RawPng{4, 1, 16, 0, {0, 0xff, 0xff, 0, 0, 0, 0xff, 0x80, 0x80}}.file()),
            (Image{4, 1, 1, {255, 0, 1, 128}}));
  EXPECT_EQ(decode_png(RawPng{1, 1, 16, 6, {0, 1, 1, 2, 2, 3, 3, 0, 0}}.file()), (Image{1, 1, 3, {1, 2, 3}}));
}

TEST(Png, ReadsInterlacedImages) {
  // Adam7 on 2 x 2: pass 1 holds (0,0), pass 6 holds (0,1), pass 7 the second row.
  EXPECT_EQ(decode_png(RawPng{2, 2, 8, 0, {0, 1, 0, 2, 0, 3, 4}, {}, {}, 1}.file()), (Image{2, 2, 1, {1, 2, 3, 4}}));
}

TEST(Png, RefusesTruncationAtEveryByte) {
  const Bytes file = encode_png(random_image(5, 6, 3));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(decode_png(ByteView(file).first(size)), DataError) << size;
  }
}

TEST(Png, PassesOverBytesBehindTheEnd) {
  const Image image = random_image(5, 6, 3);
  for (const Bytes& more : {Bytes(20, 0), Bytes{'\n'}, Bytes(70000, 0xa5)}) {
    Bytes longer = encode_png(image);
    longer.insert(longer.end(), more.begin(), more.end());
    EXPECT_EQ(decode_png(longer), image);
  }
}

TEST(Png, RefusesDamage) {
  const Bytes file = encode_png(random_image(5, 6, 3));
  EXPECT_ERROR(decode_png(as_bytes("GIF89a and so on"), "x.png"), DataError, "[x.png] expected a PNG file");
  for (const std::size_t at : {std::size_t{20}, std::size_t{45}, file.size() - 5}) {
    Bytes damaged = file;
    damaged[at] ^= 1;
    EXPECT_THROW(decode_png(damaged), DataError) << at;
  }
  EXPECT_THROW(decode_png(RawPng{2, 2, 8, 0, {0, 1, 2}}.file()), DataError) << "too few rows";
  EXPECT_THROW(decode_png(RawPng{1, 1, 8, 0, {9, 1}}.file()), DataError) << "no such filter";
  EXPECT_THROW(decode_png(RawPng{1, 1, 3, 0, {0, 1}}.file()), DataError) << "no such depth";
  EXPECT_THROW(decode_png(RawPng{1, 1, 8, 5, {0, 1}}.file()), DataError) << "no such colour type";
  EXPECT_THROW(decode_png(RawPng{1, 1, 8, 3, {0, 0}}.file()), DataError) << "no palette";
  EXPECT_THROW(decode_png(RawPng{0, 1, 8, 0, {0}}.file()), DataError) << "no width";
}

TEST(Png, KeepsToItsLimits) {
  const Bytes file = encode_png(random_image(20, 30, 1));
  EXPECT_THROW(decode_png(file, "f", {.max_side = 29}), DataError);
  EXPECT_ERROR(decode_png(file, "f", {.max_side = 30, .max_pixels = 599}), DataError,
               "expected at most 599 pixels, got 30 x 20");
  EXPECT_EQ(decode_png(file, "f", {.max_side = 30, .max_pixels = 600}).width, 30);
  EXPECT_THROW(decode_png(RawPng{0x7fffffff, 0x7fffffff, 8, 2, {0}}.file()), DataError);
  EXPECT_THROW(decode_png(RawPng{16384, 16384, 8, 2, {0}}.file()), DataError);
}

TEST(Png, WriterRefusesWrongSizes) {
  EXPECT_ERROR(encode_png({2, 2, 3, Bytes(11)}), ShapeError, "got [2,2,3] and 11 values");
  EXPECT_THROW(encode_png({2, 2, 2, Bytes(8)}), ShapeError);
  EXPECT_THROW(encode_png({0, 0, 1, {}}), ShapeError);
  EXPECT_THROW(encode_png({-1, -1, 1, Bytes(1)}), ShapeError);
  EXPECT_THROW(encode_png({dim_t{1} << 62, 4, 1, {}}), ShapeError);
  EXPECT_THROW(encode_png({1, 1, 0, Bytes(1)}), ShapeError);
}

TEST(Png, FullDiskLeavesTheOldFile) {
  test::TempFolder folder;
  const Image small = random_image(2, 2, 1);
  write_png(folder / "a.png", small);
  {
    const test::FileSizeLimit limit(4096);
    EXPECT_THROW(write_png(folder / "a.png", random_image(100, 100, 3)), IoError);
  }
  EXPECT_EQ(read_png(folder / "a.png"), small);
}

TEST(Png, GreyBecomesRgb) {
  EXPECT_EQ(to_rgb({2, 1, 1, {5, 6}}), (Image{2, 1, 3, {5, 5, 5, 6, 6, 6}}));
  EXPECT_EQ(to_rgb({1, 1, 3, {5, 6, 7}}), (Image{1, 1, 3, {5, 6, 7}}));
}

TEST(ImageGrid, PlacesAndZooms) {
  // Three images of 1 x 2 in two columns, one pixel of padding, each pixel doubled.
  const std::vector<std::uint8_t> planar = {1, 2, 3, 4, 5, 6};
  const Image sheet = image_grid(planar, 3, 1, 1, 2, {.columns = 2, .padding = 1, .zoom = 2, .background = 9});
  EXPECT_EQ(sheet.width, 1 + 2 * (4 + 1));
  EXPECT_EQ(sheet.height, 1 + 2 * (2 + 1));
  const Bytes expected = {
      9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,  //
      9, 1, 1, 2, 2, 9, 3, 3, 4, 4, 9,  //
      9, 1, 1, 2, 2, 9, 3, 3, 4, 4, 9,  //
      9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,  //
      9, 5, 5, 6, 6, 9, 9, 9, 9, 9, 9,  //
      9, 5, 5, 6, 6, 9, 9, 9, 9, 9, 9,  //
      9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
  };
  EXPECT_EQ(sheet.pixels, expected);
}

TEST(ImageGrid, InterleavesPlanes) {
  const std::vector<std::uint8_t> planar = {1, 2, 10, 20, 100, 200};
  EXPECT_EQ(image_grid(planar, 1, 3, 1, 2, {.padding = 0}).pixels, (Bytes{1, 10, 100, 2, 20, 200}));
  EXPECT_EQ(decode_png(image_grid_png(planar, 1, 3, 1, 2, {.padding = 0})).pixels, (Bytes{1, 10, 100, 2, 20, 200}));
}

TEST(ImageGrid, ChoosesASquare) {
  const std::vector<std::uint8_t> planar(10);
  const Image sheet = image_grid(planar, 10, 1, 1, 1, {.padding = 0});
  EXPECT_EQ(sheet.width, 4);
  EXPECT_EQ(sheet.height, 3);
  EXPECT_EQ(image_grid(planar, 10, 1, 1, 1, {.columns = 99, .padding = 0}).width, 10);
}

TEST(ImageGrid, RefusesWrongSizesAndOptions) {
  const std::vector<std::uint8_t> planar(12);
  EXPECT_ERROR(image_grid(planar, 2, 3, 2, 2), ShapeError, "got [2,3,2,2] and 12 values");
  EXPECT_THROW(image_grid({}, 0, 3, 2, 2), ShapeError);
  EXPECT_THROW(image_grid(planar, 3, 2, 2, 1), ShapeError);
  EXPECT_THROW(image_grid(planar, -1, 3, -2, 2), ShapeError);
  EXPECT_THROW(image_grid(planar, 1, 3, 2, 2, {.zoom = 0}), UsageError);
  EXPECT_THROW(image_grid(planar, 1, 3, 2, 2, {.columns = -1}), UsageError);
  EXPECT_THROW(image_grid(planar, 1, 3, 2, 2, {.padding = -1}), UsageError);
  EXPECT_ERROR(image_grid(planar, 1, 3, 2, 2, {.zoom = dim_t{1} << 62}), UsageError, "sheet of at most");
  EXPECT_ERROR(image_grid(planar, 1, 3, 2, 2, {.zoom = 10000}), UsageError, "sheet of at most");
}

}  // namespace
}  // namespace engram::io
