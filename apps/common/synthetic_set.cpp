#include "apps/common/synthetic_set.h"

#include <algorithm>
#include <cstdio>

#include "apps/common/class_sheet.h"
#include "engine/io/png.h"
#include "engine/io/safetensors.h"
#include "kernels/common/error.h"
#include "models/data/dataset_hash.h"
#include "models/data/image_folder.h"

namespace engram::apps {
namespace {

constexpr char kBatchHash[] = "sha256";
constexpr std::size_t kMostFolderCharacters = 64;

std::string numbered(const char* format, long long number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

/// The folder of a class's samples: its number, which readers go by, and its name, for people.
std::string class_folder(std::int32_t label, const std::string& name) {
  std::string folder = numbered("s%02lld", label);
  if (name.empty() || name == std::to_string(label)) return folder;
  folder += "_";
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    folder += plain ? c : '_';
  }
  return folder.substr(0, kMostFolderCharacters);
}

/// Planar bytes of one image to rows of RGB pixels.
io::Image interleaved(const ImageDataset& data, dim_t index) {
  io::Image image{data.width, data.height, data.channels, io::Bytes(std::size_t(data.image_bytes()))};
  const std::uint8_t* planar = data.image(index);
  const dim_t pixels = data.width * data.height;
  for (dim_t p = 0; p < pixels; ++p)
    for (dim_t c = 0; c < data.channels; ++c) image.pixels[std::size_t(p * data.channels + c)] = planar[c * pixels + p];
  return image;
}

}  // namespace

std::filesystem::path batch_file(const std::filesystem::path& run, std::int64_t batch) {
  return run / "batches" / numbered("batch_%04lld.safetensors", batch);
}

void write_batch(const std::filesystem::path& run, std::int64_t batch, const ImageDataset& data) {
  const std::filesystem::path file = batch_file(run, batch);
  std::filesystem::create_directories(file.parent_path());
  write_packed_images(file, data, {{kBatchHash, dataset_sha256(data)}});
}

bool has_batch(const std::filesystem::path& run, std::int64_t batch, std::int64_t images, int num_classes) {
  const std::filesystem::path file = batch_file(run, batch);
  if (!std::filesystem::exists(file)) return false;
  const io::SafetensorsMetadata metadata = io::SafetensorsFile(file)->metadata;
  const ImageDataset data = read_packed_images(file, num_classes);
  const auto hash = metadata.find(kBatchHash);
  if (hash == metadata.end() || hash->second != dataset_sha256(data))
    throw DataError(message("[resume] expected a batch that fits its checksum, got another content in ", file.string(),
                            "; hint: start the run anew"));
  if (data.count != images)
    throw DataError(message("[resume] expected the ", images, " images of a batch of this run, got ", data.count,
                            " in ", file.string(), "; hint: start the run anew"));
  return true;
}

ImageDataset synthetic_batch(std::vector<std::uint8_t> pixels, std::vector<std::int32_t> labels,
                             const Classifier& classifier) {
  ImageDataset data;
  data.name = "synthetic";
  data.split = "all";
  data.count = dim_t(labels.size());
  const ImageShape& shape = classifier.network->image();
  data.channels = shape.channels;
  data.height = shape.height;
  data.width = shape.width;
  data.num_classes = classifier.network->num_classes();
  data.class_names = classifier.class_names;
  data.normalization = classifier.normalization;
  data.pixels = std::move(pixels);
  data.labels = std::move(labels);
  check_dataset(data, "synthetic images");
  return data;
}

void write_sample_pngs(const std::filesystem::path& run, const ImageDataset& batch, std::int64_t batch_index) {
  for (dim_t i = 0; i < batch.count; ++i) {
    const std::int32_t label = batch.labels[std::size_t(i)];
    const std::filesystem::path folder = run / "samples" / class_folder(label, batch.class_names[std::size_t(label)]);
    std::filesystem::create_directories(folder);
    io::write_png(folder / message(batch_index, "_output_", i, ".png"), interleaved(batch, i));
  }
}

std::filesystem::path pack_batches(const std::filesystem::path& run, const std::vector<std::int64_t>& batches,
                                   int num_classes) {
  ImageDataset all = read_packed_images(batch_file(run, batches.at(0)), num_classes);
  for (std::size_t b = 1; b < batches.size(); ++b) {
    const ImageDataset next = read_packed_images(batch_file(run, batches[b]), num_classes);
    all.pixels.insert(all.pixels.end(), next.pixels.begin(), next.pixels.end());
    all.labels.insert(all.labels.end(), next.labels.begin(), next.labels.end());
    all.count += next.count;
  }
  const std::filesystem::path file = run / "samples.safetensors";
  write_packed_images(file, all);
  return file;
}

io::Image write_sheet(const std::filesystem::path& file, const ImageDataset& batch, dim_t most) {
  io::Image sheet = class_sheet(batch, (most + batch.num_classes - 1) / batch.num_classes);
  std::filesystem::create_directories(file.parent_path());
  io::write_png(file, sheet);
  return sheet;
}

}  // namespace engram::apps
