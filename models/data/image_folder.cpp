#include "models/data/image_folder.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/io/png.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

enum class Entry { kFolder, kPng, kJpeg };

/// What the name of a file that is no folder says of its contents; nothing for other files.
std::optional<Entry> image_entry(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  if (extension == ".png") return Entry::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return Entry::kJpeg;
  return std::nullopt;
}

std::vector<fs::path> sorted_entries(const fs::path& folder, Entry wanted) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    if (wanted == Entry::kFolder ? it->is_directory(ignored)
                                 : (image_entry(it->path()) == wanted && it->is_regular_file(ignored))) {
      out.push_back(it->path());
    }
  }
  if (error) throw IoError(message("[images] cannot list ", folder.string(), ": ", error.message()));
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return out;
}

// The classes of the folder, or an error if there are none.
ClassFolders find_classes(const fs::path& folder, const KnownClasses& known) {
  std::vector<std::string> names;
  for (const fs::path& path : sorted_entries(folder, Entry::kFolder)) names.push_back(path.filename().string());
  if (names.empty()) {
    throw DataError(message("[images] expected a subfolder of PNG files per class, got none in ", folder.string()));
  }
  return label_class_folders(names, known, folder.string());
}

/// The PNG files of a folder, "the class folder " or none of that in messages. JPEG files are not read, and none is
/// passed over in silence: a PNG file of the same name has to stand beside each.
std::vector<fs::path> image_files(const fs::path& folder, const char* kind) {
  const std::vector<fs::path> files = sorted_entries(folder, Entry::kPng);
  for (const fs::path& jpeg : sorted_entries(folder, Entry::kJpeg)) {
    const auto same_stem = [&](const fs::path& png) { return png.stem() == jpeg.stem(); };
    if (std::none_of(files.begin(), files.end(), same_stem))
      throw DataError(message("[images] expected PNG files, got ", jpeg.string(),
                              "; hint: write a PNG file of each beside it, for example with mogrify -format png"));
  }
  if (files.empty()) throw DataError(message("[images] expected PNG files, got none in ", kind, folder.string()));
  return files;
}

std::vector<std::uint8_t> planar(const io::Image& image) {
  const std::size_t plane = static_cast<std::size_t>(image.width * image.height);
  const std::size_t channels = static_cast<std::size_t>(image.channels);
  std::vector<std::uint8_t> out(channels * plane);
  for (std::size_t p = 0; p < plane; ++p) {
    for (std::size_t c = 0; c < channels; ++c) out[c * plane + p] = image.pixels[p * channels + c];
  }
  return out;
}

// Collects images of one size, grey ones as long as all are.
class ImageCollector {
 public:
  ImageCollector(ImageDataset& out, const ImageSize& size) : out_(out), size_(size) {}

  void add(const fs::path& file, std::int32_t label) {
    leave_if_stopped("images were read");
    io::Image image = io::read_png(file);
    if (out_.count == 0) {
      first_ = file;
      out_.channels = image.channels;
      out_.height = size_.given() ? size_.height : image.height;
      out_.width = size_.given() ? size_.width : image.width;
    }
    if (image.channels == 3 && out_.channels == 1) make_rgb();
    if (image.channels == 1 && out_.channels == 3) image = io::to_rgb(std::move(image));
    append(image, file);
    out_.labels.push_back(label);
    ++out_.count;
  }

 private:
  void append(const io::Image& image, const fs::path& file) {
    std::vector<std::uint8_t> pixels = planar(image);
    if (image.height != out_.height || image.width != out_.width) {
      if (!size_.given())
        throw DataError(message("[images] expected all images of one size, got ", image.width, "x", image.height,
                                " in ", file.string(), " and ", out_.width, "x", out_.height, " in ", first_.string(),
                                "; hint: --image-size N brings all to N by N pixels"));
      pixels = resize_image(pixels.data(), image.channels, image.height, image.width, size_);
    }
    out_.pixels.insert(out_.pixels.end(), pixels.begin(), pixels.end());
  }

  // Repeats the grey values so far for the three channels.
  void make_rgb() {
    const dim_t plane = out_.height * out_.width;
    std::vector<std::uint8_t> rgb;
    rgb.reserve(3 * out_.pixels.size());
    for (dim_t i = 0; i < out_.count; ++i)
      for (int c = 0; c < 3; ++c)
        rgb.insert(rgb.end(), out_.pixels.begin() + i * plane, out_.pixels.begin() + (i + 1) * plane);
    out_.pixels = std::move(rgb);
    out_.channels = 3;
  }

  ImageDataset& out_;
  const ImageSize size_;
  fs::path first_;
};

// The constants for colours, or their mean for grey values.
Normalization normalization_for(dim_t channels) {
  Normalization constants = cifar_normalization();
  if (channels == 3) return constants;
  for (std::vector<float>* values : {&constants.mean, &constants.std})
    values->assign(1, std::accumulate(values->begin(), values->end(), 0.f) / 3);
  return constants;
}

}  // namespace

ImageDataset read_image_folder(const fs::path& folder, const KnownClasses& known, const ImageSize& size) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw IoError(
        message("[images] expected a folder with a subfolder of PNG files per class, did not find ", folder.string()));
  }
  const ClassFolders classes = find_classes(folder, known);
  ImageDataset out;
  out.name = "folder";
  out.split = "all";
  out.class_names = classes.class_names;
  out.num_classes = static_cast<int>(out.class_names.size());
  out.note = classes.note;
  ImageCollector collector(out, size);
  for (const ClassFolders::Folder& c : classes.folders) {
    for (const fs::path& file : image_files(folder / c.name, "the class folder ")) collector.add(file, c.label);
  }
  out.normalization = normalization_for(out.channels);
  check_dataset(out, folder.string());
  return out;
}

bool has_image_folders(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code inner;
    if (!it->is_directory(inner)) continue;
    for (fs::directory_iterator file(it->path(), inner), stop; !inner && file != stop; file.increment(inner)) {
      if (image_entry(file->path())) return true;
    }
  }
  return false;
}

ImageDataset read_plain_images(const fs::path& folder, const ImageSize& size) {
  const std::vector<fs::path> files = image_files(folder, "");
  ImageDataset out;
  out.name = "unlabelled";
  out.split = "all";
  out.class_names = {"image"};
  out.num_classes = 1;
  ImageCollector collector(out, size);
  for (const fs::path& file : files) collector.add(file, 0);
  out.normalization = normalization_for(out.channels);
  check_dataset(out, folder.string());
  return out;
}

bool has_plain_images(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder, ignored) && !has_image_folders(folder) &&
         !sorted_entries(folder, Entry::kPng).empty();
}

}  // namespace engram
