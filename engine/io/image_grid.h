#pragma once
/// Many small images on one sheet. Threads: any may call, also at the same time.

#include <cstdint>
#include <span>

#include "engine/io/image.h"

namespace engram::io {

/// How the sheet is laid out.
struct GridOptions {
  dim_t columns = 0;              ///< images side by side; 0: about as many as rows
  dim_t padding = 2;              ///< pixels of the sheet around and between images
  dim_t zoom = 1;                 ///< each image pixel becomes zoom x zoom pixels
  std::uint8_t background = 255;  ///< grey value of padding and of places without an image
};

/// Lays images out row by row from the top left. `planar` is [count, channels, height, width] with 1 or 3 channels,
/// values 0 to 255. Throws ShapeError when `planar` does not have that size, or no image or pixel is there; UsageError
/// for options that are negative or make a sheet of more than 2^28 pixels.
Image image_grid(std::span<const std::uint8_t> planar, dim_t count, dim_t channels, dim_t height, dim_t width,
                 const GridOptions& options = {});

/// The same sheet as a PNG file's bytes.
Bytes image_grid_png(std::span<const std::uint8_t> planar, dim_t count, dim_t channels, dim_t height, dim_t width,
                     const GridOptions& options = {});

}  // namespace engram::io
