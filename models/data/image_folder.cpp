#include "models/data/image_folder.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <system_error>
#include <utility>

#include "engine/io/image_file.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

enum class Entry { kFolder, kImage };

std::vector<fs::path> sorted_entries(const fs::path& folder, Entry wanted) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    if (wanted == Entry::kFolder ? it->is_directory(ignored)
                                 : (!io::image_ending(it->path()).empty() && it->is_regular_file(ignored))) {
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
    throw DataError(
        message("[images] expected a subfolder of PNG or JPEG files per class, got none in ", folder.string()));
  }
  return label_class_folders(names, known, folder.string());
}

struct ImageFiles {
  std::vector<fs::path> files;
  dim_t passed_over = 0;
};

/// The PNG and JPEG files of a folder, "the class folder " or none of that in messages. Of two of one name the PNG file
/// counts: it is what a conversion of the other left there, and no image is to be there twice.
ImageFiles image_files(const fs::path& folder, const char* kind) {
  const std::vector<fs::path> all = sorted_entries(folder, Entry::kImage);
  std::set<fs::path> converted;
  for (const fs::path& file : all)
    if (io::image_ending(file) == ".png") converted.insert(file.stem());
  ImageFiles found;
  for (const fs::path& file : all) {
    if (io::image_ending(file) != ".png" && converted.count(file.stem()) > 0)
      ++found.passed_over;
    else
      found.files.push_back(file);
  }
  if (all.empty()) throw DataError(message("[images] expected PNG or JPEG files, got none in ", kind, folder.string()));
  return found;
}

/// Says so where files were passed over.
void note_passed_over(dim_t count, std::string& note) {
  if (count == 0) return;
  note += message(note.empty() ? "" : "; ", count, count > 1 ? " JPEG files" : " JPEG file",
                  " passed over, with a PNG file of the same name beside ", count > 1 ? "each" : "it");
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
    io::Image image = io::read_image(file);
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
    throw IoError(message("[images] expected a folder with a subfolder of PNG or JPEG files per class, did not find ",
                          folder.string()));
  }
  const ClassFolders classes = find_classes(folder, known);
  ImageDataset out;
  out.name = "folder";
  out.split = "all";
  out.class_names = classes.class_names;
  out.num_classes = static_cast<int>(out.class_names.size());
  out.note = classes.note;
  ImageCollector collector(out, size);
  dim_t passed_over = 0;
  for (const ClassFolders::Folder& c : classes.folders) {
    const ImageFiles found = image_files(folder / c.name, "the class folder ");
    for (const fs::path& file : found.files) collector.add(file, c.label);
    passed_over += found.passed_over;
  }
  note_passed_over(passed_over, out.note);
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
      if (!io::image_ending(file->path()).empty()) return true;
    }
  }
  return false;
}

ImageDataset read_plain_images(const fs::path& folder, const ImageSize& size) {
  const ImageFiles found = image_files(folder, "");
  ImageDataset out;
  out.name = "unlabelled";
  out.split = "all";
  out.class_names = {"image"};
  out.num_classes = 1;
  ImageCollector collector(out, size);
  for (const fs::path& file : found.files) collector.add(file, 0);
  note_passed_over(found.passed_over, out.note);
  out.normalization = normalization_for(out.channels);
  check_dataset(out, folder.string());
  return out;
}

bool has_plain_images(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder, ignored) && !has_image_folders(folder) &&
         !sorted_entries(folder, Entry::kImage).empty();
}

}  // namespace engram
