#pragma once
/// Data for steps that are timed or counted.

#include "models/data/dataset.h"
#include "models/data/image_shape.h"

namespace engram::bench {

/// Images of random bytes, with labels in turn.
inline ImageDataset random_images(dim_t count, const ImageShape& shape = {}, int classes = 10) {
  ImageDataset data;
  data.name = "random";
  data.split = "train";
  data.channels = shape.channels;
  data.height = shape.height;
  data.width = shape.width;
  data.count = count;
  data.num_classes = classes;
  data.class_names.assign(std::size_t(classes), "class");
  data.normalization = {std::vector<float>(std::size_t(shape.channels), 0.5f),
                        std::vector<float>(std::size_t(shape.channels), 0.25f)};
  std::uint32_t state = 1;
  data.pixels.resize(std::size_t(count * data.image_bytes()));
  for (std::uint8_t& pixel : data.pixels) pixel = std::uint8_t((state = state * 1664525u + 1013904223u) >> 24);
  for (dim_t i = 0; i < count; ++i) data.labels.push_back(std::int32_t(i % classes));
  return data;
}

}  // namespace engram::bench
