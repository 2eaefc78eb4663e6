#include "models/data/image_folder.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "engine/io/png.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxClasses = 100000;

// The number in s<digits>, or nothing for another name.
std::optional<int> label_in_name(const std::string& name) {
  if (name.size() < 2 || name.size() > 6 || name[0] != 's') return std::nullopt;
  int label = 0;
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    label = label * 10 + (name[i] - '0');
  }
  return label;
}

bool is_png(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return extension == ".png";
}

std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    if (folders ? it->is_directory(ignored) : (is_png(it->path()) && it->is_regular_file(ignored))) {
      out.push_back(it->path());
    }
  }
  if (error) throw IoError(message("[images] cannot list ", folder.string(), ": ", error.message()));
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return out;
}

struct ClassFolder {
  fs::path path;
  int label = 0;
};

std::vector<ClassFolder> find_classes(const fs::path& folder) {
  const std::vector<fs::path> subfolders = sorted_entries(folder, true);
  std::vector<ClassFolder> numbered, all;
  for (const fs::path& path : subfolders) {
    if (const auto label = label_in_name(path.filename().string())) numbered.push_back({path, *label});
    all.push_back({path, static_cast<int>(all.size())});
  }
  std::vector<ClassFolder>& classes = numbered.empty() ? all : numbered;
  if (classes.empty()) {
    throw DataError(message("[images] expected a subfolder of PNG files per class, got none in ", folder.string()));
  }
  return classes;
}

// Interleaved to planar, at the end of `pixels`.
void append_planar(const io::Image& image, std::vector<std::uint8_t>& pixels) {
  const std::size_t plane = static_cast<std::size_t>(image.width * image.height);
  const std::size_t start = pixels.size();
  pixels.resize(start + 3 * plane);
  for (std::size_t p = 0; p < plane; ++p) {
    for (std::size_t c = 0; c < 3; ++c) pixels[start + c * plane + p] = image.pixels[p * 3 + c];
  }
}

}  // namespace

ImageDataset read_image_folder(const fs::path& folder, int num_classes) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw IoError(
        message("[images] expected a folder with a subfolder of PNG files per class, did not find ", folder.string()));
  }
  const std::vector<ClassFolder> classes = find_classes(folder);
  ImageDataset out;
  out.name = "folder";
  out.split = "all";
  out.channels = 3;
  out.normalization = cifar_normalization();
  int largest = 0;
  for (const ClassFolder& c : classes) largest = std::max(largest, c.label);
  out.num_classes = num_classes > 0 ? num_classes : largest + 1;
  if (largest >= out.num_classes || out.num_classes > kMaxClasses) {
    throw DataError(message("[images] expected labels 0..", out.num_classes - 1, ", got ", largest, " from ",
                            classes.back().path.string()));
  }
  for (int label = 0; label < out.num_classes; ++label) out.class_names.push_back(std::to_string(label));

  fs::path first;
  for (const ClassFolder& c : classes) {
    const std::vector<fs::path> files = sorted_entries(c.path, false);
    if (files.empty()) {
      throw DataError(message("[images] expected PNG files, got none in the class folder ", c.path.string()));
    }
    out.class_names[c.label] = c.path.filename().string();
    for (const fs::path& file : files) {
      const io::Image image = io::to_rgb(io::read_png(file));
      if (first.empty()) {
        first = file;
        out.height = image.height;
        out.width = image.width;
      } else if (image.height != out.height || image.width != out.width) {
        throw DataError(message("[images] expected all images of one size, got ", image.width, "x", image.height,
                                " in ", file.string(), " and ", out.width, "x", out.height, " in ", first.string()));
      }
      append_planar(image, out.pixels);
      out.labels.push_back(c.label);
      ++out.count;
    }
  }
  check_dataset(out, folder.string());
  return out;
}

}  // namespace engram
