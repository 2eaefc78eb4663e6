#pragma once
/// Image files of any format that engram reads. Threads: any may call, also at the same time.

#include <filesystem>
#include <string>

#include "engine/io/image.h"

namespace engram::io {

/// What an image's name ends in, in small letters: ".png", ".jpg" or ".jpeg" (in any case); "" for other names.
std::string image_ending(const std::filesystem::path& path);

/// Reads and decodes a PNG or JPEG file, as decode_png and decode_jpeg say. The first bytes decide which it is: on the
/// web names are often wrong. Throws IoError when the file cannot be read, DataError when it is neither, and as those.
Image read_image(const std::filesystem::path& path);

}  // namespace engram::io
