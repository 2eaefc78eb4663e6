#include "engine/io/image_file.h"

#include <algorithm>

#include "engine/io/atomic_file.h"
#include "engine/io/jpeg.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"

namespace engram::io {

std::string image_ending(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" ? extension : "";
}

Image read_image(const std::filesystem::path& path) {
  const Bytes file = read_file(path, PngLimits().max_file_bytes);
  if (is_jpeg(file)) return decode_jpeg(file, path.string());
  if (is_png(file)) return decode_png(file, path.string());
  throw DataError(message("[", path.string(), "] expected a PNG or JPEG file, got ",
                          file.empty() ? "an empty one" : "another signature"));
}

}  // namespace engram::io
