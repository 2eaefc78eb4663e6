#include "engine/io/image_grid.h"

#include <algorithm>

#include "engine/io/png.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr dim_t kMaxSheetPixels = dim_t{1} << 28;

/// Smallest number whose square is at least `count`.
dim_t square_side(dim_t count) {
  dim_t side = 1;
  while (side * side < count) ++side;
  return side;
}

/// images * zoom * side + padding around each; more than kMaxSheetPixels when that does not fit.
dim_t sheet_side(dim_t images, dim_t side, const GridOptions& options) {
  dim_t pixels = 0, pitch = 0;
  const bool overflows =
      __builtin_mul_overflow(side, options.zoom, &pitch) || __builtin_add_overflow(pitch, options.padding, &pitch) ||
      __builtin_mul_overflow(images, pitch, &pixels) || __builtin_add_overflow(pixels, options.padding, &pixels);
  return overflows ? kMaxSheetPixels + 1 : pixels;
}

void check_arguments(std::size_t size, dim_t count, dim_t channels, dim_t height, dim_t width,
                     const GridOptions& options) {
  dim_t expected = 0;
  const bool fits = count >= 1 && height >= 1 && width >= 1 && (channels == 1 || channels == 3) &&
                    !__builtin_mul_overflow(count, channels, &expected) &&
                    !__builtin_mul_overflow(expected, height, &expected) &&
                    !__builtin_mul_overflow(expected, width, &expected) && static_cast<std::size_t>(expected) == size;
  if (!fits) {
    throw ShapeError(message("[image_grid] expected [N,C,H,W] values with C = 1 or 3, got [", count, ",", channels, ",",
                             height, ",", width, "] and ", size, " values"));
  }
  if (options.columns < 0 || options.padding < 0 || options.zoom < 1) {
    throw UsageError(message("[image_grid] expected columns >= 0, padding >= 0 and zoom >= 1, got ", options.columns,
                             ", ", options.padding, ", ", options.zoom));
  }
}

}  // namespace

Image image_grid(std::span<const std::uint8_t> planar, dim_t count, dim_t channels, dim_t height, dim_t width,
                 const GridOptions& options) {
  check_arguments(planar.size(), count, channels, height, width, options);
  const dim_t columns = std::min(count, options.columns ? options.columns : square_side(count));
  const dim_t rows = (count + columns - 1) / columns;
  Image sheet;
  sheet.width = sheet_side(columns, width, options);
  sheet.height = sheet_side(rows, height, options);
  sheet.channels = channels;
  if (sheet.width > kMaxSheetPixels || sheet.height > kMaxSheetPixels / sheet.width) {
    throw UsageError(message("[image_grid] expected a sheet of at most ", kMaxSheetPixels, " pixels, got ", rows, " x ",
                             columns, " images of ", height, " x ", width, " with zoom ", options.zoom, " and padding ",
                             options.padding));
  }
  sheet.pixels.assign(static_cast<std::size_t>(sheet.width * sheet.height * channels), options.background);

  for (dim_t i = 0; i < count; ++i) {
    const std::uint8_t* from = planar.data() + i * channels * height * width;
    const dim_t top = options.padding + i / columns * (height * options.zoom + options.padding);
    const dim_t left = options.padding + i % columns * (width * options.zoom + options.padding);
    for (dim_t y = 0; y < height * options.zoom; ++y) {
      std::uint8_t* to = sheet.pixels.data() + ((top + y) * sheet.width + left) * channels;
      for (dim_t x = 0; x < width * options.zoom; ++x) {
        for (dim_t c = 0; c < channels; ++c) *to++ = from[(c * height + y / options.zoom) * width + x / options.zoom];
      }
    }
  }
  return sheet;
}

Bytes image_grid_png(std::span<const std::uint8_t> planar, dim_t count, dim_t channels, dim_t height, dim_t width,
                     const GridOptions& options) {
  return encode_png(image_grid(planar, count, channels, height, width, options));
}

}  // namespace engram::io
