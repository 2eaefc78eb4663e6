#include <algorithm>
#include <charconv>

#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"
#include "models/data/image_folder.h"

namespace engram {
namespace {

constexpr int kMaxClasses = 100000;

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

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

}  // namespace

ImageDataset read_packed_images(const std::filesystem::path& path, int num_classes) {
  const std::string source = path.string();
  const io::SafetensorsFile file(path);
  const io::SafetensorsEntry& images = require(file, source, "images");
  const io::SafetensorsEntry& labels = require(file, source, "labels");
  if (images.dtype != io::FileDType::kU8 || images.shape.size() != 4 ||
      (images.shape[1] != 1 && images.shape[1] != 3)) {
    throw DataError(
        message("[images] expected images U8 [N,C,H,W] with C 1 or 3, got ", shape_text(images), " in ", source));
  }
  const bool integers = labels.dtype == io::FileDType::kI32 || labels.dtype == io::FileDType::kI64;
  if (!integers || labels.shape.size() != 1 || labels.shape[0] != images.shape[0]) {
    throw DataError(message("[images] expected labels I32 or I64 [", images.shape[0], "], got ", shape_text(labels),
                            " in ", source));
  }
  ImageDataset out;
  out.name = "packed";
  out.split = "all";
  out.count = images.shape[0];
  out.channels = images.shape[1];
  out.height = images.shape[2];
  out.width = images.shape[3];
  out.pixels.assign(images.bytes.begin(), images.bytes.end());
  out.labels = io::to_i32(labels);
  out.normalization = cifar_normalization();
  if (out.channels == 1) out.normalization = {{0.5f}, {0.5f}};
  int classes = num_classes > 0 ? num_classes : stated_classes(file->metadata, source);
  if (classes == 0) {
    for (std::int32_t label : out.labels) classes = std::max(classes, std::min(label, kMaxClasses - 1) + 1);
  }
  out.num_classes = classes;
  if (const auto it = file->metadata.find("class_names"); it != file->metadata.end()) {
    out.class_names = split_lines(it->second);
  }
  if (static_cast<int>(out.class_names.size()) != classes) {
    out.class_names.clear();
    for (int label = 0; label < classes; ++label) out.class_names.push_back(std::to_string(label));
  }
  check_dataset(out, source);
  return out;
}

void write_packed_images(const std::filesystem::path& path, const ImageDataset& data) {
  check_dataset(data, "the set for " + path.string());
  std::string names;
  for (const std::string& name : data.class_names) names += (names.empty() ? "" : "\n") + name;
  const io::SafetensorsEntry entries[] = {
      {"images", io::FileDType::kU8, {data.count, data.channels, data.height, data.width}, data.pixels},
      {"labels", io::FileDType::kI32, {data.count}, io::bytes_of<std::int32_t>(data.labels)}};
  io::write_safetensors(path, entries, {{"num_classes", std::to_string(data.num_classes)}, {"class_names", names}});
}

}  // namespace engram
