#pragma once
/// A data set that is there without files.

#include "models/data/dataset.h"

namespace engram::testing {

/// 3x32x32 images of two classes in turn that differ in their brightness.
inline ImageDataset bright_images(dim_t count) {
  ImageDataset data;
  data.name = "bright";
  data.split = "train";
  data.channels = 3;
  data.height = data.width = 32;
  data.count = count;
  data.num_classes = 2;
  data.class_names = {"dark", "bright"};
  data.normalization = cifar_normalization();
  std::uint32_t state = 1;
  for (dim_t i = 0; i < data.count; ++i) {
    data.labels.push_back(std::int32_t(i % 2));
    for (int p = 0; p < 3 * 32 * 32; ++p) {
      state = state * 1664525u + 1013904223u;
      data.pixels.push_back(std::uint8_t((state >> 25) + (i % 2 ? 100 : 0)));
    }
  }
  return data;
}

}  // namespace engram::testing
