#pragma once
/// An 8-bit image in memory. Threads: any may call, also at the same time.

#include <cstdint>

#include "engine/io/bytes.h"
#include "kernels/common/types.h"

namespace engram::io {

/// Rows from the top, pixels from the left, channels innermost ([H, W, C]), no padding between rows. One channel is
/// grey, three are RGB.
struct Image {
  dim_t width = 0, height = 0, channels = 0;
  Bytes pixels;  ///< height * width * channels values

  bool operator==(const Image&) const = default;
};

/// The image with three channels: grey values are repeated.
Image to_rgb(Image image);

}  // namespace engram::io
