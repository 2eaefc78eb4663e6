#include <algorithm>
#include <charconv>

#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"
#include "models/data/class_folders.h"
#include "models/data/class_names.h"
#include "models/data/image_folder.h"

namespace engram {
namespace {

std::string shape_text(const io::SafetensorsEntry& entry) {
  std::string text = std::string(io::file_dtype_name(entry.dtype)) + " [";
  for (std::size_t i = 0; i < entry.shape.size(); ++i) text += (i ? "," : "") + std::to_string(entry.shape[i]);
  return text + "]";
}

const io::SafetensorsEntry& require(const io::SafetensorsFile& file, const std::string& source, const char* name) {
  const io::SafetensorsEntry* entry = file->find(name);
  if (!entry) {
    throw DataError(
        message("[images] expected the tensors images [N,C,H,W] and labels [N], did not find ", name, " in ", source));
  }
  return *entry;
}

// The integer labels of an entry, one an image.
std::vector<std::int32_t> labels_in(const io::SafetensorsEntry& entry, dim_t images, const char* what,
                                    const std::string& source) {
  const bool integers = entry.dtype == io::FileDType::kI32 || entry.dtype == io::FileDType::kI64;
  if (!integers || entry.shape.size() != 1 || entry.shape[0] != images) {
    throw DataError(
        message("[images] expected ", what, " I32 or I64 [", images, "], got ", shape_text(entry), " in ", source));
  }
  return io::to_i32(entry);
}

int stated_classes(const io::SafetensorsMetadata& metadata, const std::string& source) {
  const auto it = metadata.find("num_classes");
  if (it == metadata.end()) return 0;
  int value = 0;
  const char* end = it->second.data() + it->second.size();
  const auto [stopped, error] = std::from_chars(it->second.data(), end, value);
  if (error != std::errc() || stopped != end || value < 1 || value > kMaxClasses) {
    throw DataError(message("[images] expected num_classes 1..", kMaxClasses, " in the metadata, got ",
                            io::quoted_name(it->second), " in ", source));
  }
  return value;
}

// The largest label plus one.
int count_labels(const std::vector<std::int32_t>& labels) {
  int count = 0;
  for (std::int32_t label : labels) count = std::max(count, std::min(label, kMaxClasses - 1) + 1);
  return count;
}

// The names in the metadata, or "0", "1", ... where there are not so many.
std::vector<std::string> stated_names(const io::SafetensorsMetadata& metadata, const char* key, int count) {
  std::vector<std::string> names;
  if (const auto it = metadata.find(key); it != metadata.end()) names = split_class_names(it->second);
  if (static_cast<int>(names.size()) == count) return names;
  names.clear();
  for (int label = 0; label < count; ++label) names.push_back(std::to_string(label));
  return names;
}

// The images of a file, as a set without labels, name and classes.
ImageDataset images_in(const io::SafetensorsFile& file, const std::string& source) {
  const io::SafetensorsEntry& images = require(file, source, "images");
  if (images.dtype != io::FileDType::kU8 || images.shape.size() != 4 ||
      (images.shape[1] != 1 && images.shape[1] != 3)) {
    throw DataError(
        message("[images] expected images U8 [N,C,H,W] with C 1 or 3, got ", shape_text(images), " in ", source));
  }
  ImageDataset out;
  out.split = "all";
  out.count = images.shape[0];
  out.channels = images.shape[1];
  out.height = images.shape[2];
  out.width = images.shape[3];
  out.pixels.assign(images.bytes.begin(), images.bytes.end());
  out.normalization = cifar_normalization();
  if (out.channels == 1) out.normalization = {{0.5f}, {0.5f}};
  return out;
}

}  // namespace

bool is_unlabelled_packed(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  const io::SafetensorsFile file(path);
  return file->find("images") && !file->find("labels");
}

ImageDataset read_unlabelled_packed(const std::filesystem::path& path) {
  const io::SafetensorsFile file(path);
  ImageDataset out = images_in(file, path.string());
  out.name = "unlabelled";
  out.labels.assign(std::size_t(out.count), 0);
  out.num_classes = 1;
  out.class_names = {"image"};
  check_dataset(out, path.string());
  return out;
}

ImageDataset read_packed_images(const std::filesystem::path& path, int num_classes) {
  const std::string source = path.string();
  const io::SafetensorsFile file(path);
  ImageDataset out = images_in(file, source);
  out.name = "packed";
  out.labels = labels_in(require(file, source, "labels"), out.count, "labels", source);
  if (const io::SafetensorsEntry* contexts = file->find("contexts")) {
    out.contexts = labels_in(*contexts, out.count, "contexts", source);
    out.context_names = stated_names(file->metadata, "context_names", count_labels(out.contexts));
  }
  const int stated = stated_classes(file->metadata, source);
  if (num_classes > 0 && stated > 0 && stated != num_classes)
    throw DataError(message("[images] expected images of ", num_classes, " classes, got ", stated, " in ", source));
  const int classes = num_classes > 0 ? num_classes : stated;
  out.num_classes = classes > 0 ? classes : count_labels(out.labels);
  out.class_names = stated_names(file->metadata, "class_names", out.num_classes);
  check_dataset(out, source);
  return out;
}

void write_packed_images(const std::filesystem::path& path, const ImageDataset& data,
                         const std::map<std::string, std::string>& further) {
  check_dataset(data, "the set for " + path.string());
  std::vector<io::SafetensorsEntry> entries = {
      {"images", io::FileDType::kU8, {data.count, data.channels, data.height, data.width}, data.pixels},
      {"labels", io::FileDType::kI32, {data.count}, io::bytes_of<std::int32_t>(data.labels)}};
  io::SafetensorsMetadata metadata = {{"num_classes", std::to_string(data.num_classes)},
                                      {"class_names", join_class_names(data.class_names)}};
  if (!data.contexts.empty()) {
    entries.push_back({"contexts", io::FileDType::kI32, {data.count}, io::bytes_of<std::int32_t>(data.contexts)});
    metadata["context_names"] = join_class_names(data.context_names);
  }
  metadata.insert(further.begin(), further.end());
  io::write_safetensors(path, entries, metadata);
}

}  // namespace engram
