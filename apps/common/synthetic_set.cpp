#include "apps/common/synthetic_set.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include "engine/io/atomic_file.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "models/data/image_folder.h"

namespace engram::apps {
namespace {

std::string numbered(const char* format, long long number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
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

ImageDataset synthetic_batch(std::vector<std::uint8_t> pixels, std::vector<std::int32_t> labels,
                             const ImageShape& shape, int num_classes, const Normalization& normalization) {
  ImageDataset data;
  data.name = "synthetic";
  data.split = "all";
  data.count = dim_t(labels.size());
  data.channels = shape.channels;
  data.height = shape.height;
  data.width = shape.width;
  data.num_classes = num_classes;
  for (int c = 0; c < num_classes; ++c) data.class_names.push_back(std::to_string(c));
  data.normalization = normalization;
  data.pixels = std::move(pixels);
  data.labels = std::move(labels);
  check_dataset(data, "synthetic images");
  return data;
}

void write_sample_pngs(const std::filesystem::path& run, const ImageDataset& batch, std::int64_t batch_index) {
  for (dim_t i = 0; i < batch.count; ++i) {
    const std::filesystem::path folder = run / "samples" / numbered("s%02lld", batch.labels[std::size_t(i)]);
    std::filesystem::create_directories(folder);
    io::write_png(folder / message(batch_index, "_output_", i, ".png"), interleaved(batch, i));
  }
}

std::filesystem::path pack_batches(const std::filesystem::path& run, std::int64_t count, int num_classes) {
  ImageDataset all = read_packed_images(batch_file(run, 0), num_classes);
  for (std::int64_t b = 1; b < count; ++b) {
    const ImageDataset next = read_packed_images(batch_file(run, b), num_classes);
    all.pixels.insert(all.pixels.end(), next.pixels.begin(), next.pixels.end());
    all.labels.insert(all.labels.end(), next.labels.begin(), next.labels.end());
    all.count += next.count;
  }
  const std::filesystem::path file = run / "samples.safetensors";
  write_packed_images(file, all);
  return file;
}

void write_grid(const std::filesystem::path& file, const std::vector<std::uint8_t>& pixels, const ImageShape& shape,
                dim_t count, dim_t most) {
  const dim_t shown = std::min(count, most);
  std::filesystem::create_directories(file.parent_path());
  const io::Bytes png =
      io::image_grid_png(std::span(pixels.data(), std::size_t(shown * shape.count())), shown, shape.channels,
                         shape.height, shape.width, {.columns = 0, .padding = 2, .zoom = 2, .background = 255});
  io::write_file(file, png);
}

}  // namespace engram::apps
