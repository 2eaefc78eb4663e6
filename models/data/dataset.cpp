#include "models/data/dataset.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram {

const char* split_name(Split split) {
  return split == Split::kTrain ? "train" : "test";
}

Split parse_split(const std::string& text) {
  if (text == "train") return Split::kTrain;
  if (text == "test") return Split::kTest;
  throw UsageError(message("[data] expected split train or test, got '", text, "'"));
}

Normalization cifar_normalization() {
  return {{0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}};
}

void check_dataset(const ImageDataset& data, const std::string& source) {
  if (data.count <= 0 || data.image_bytes() <= 0) {
    throw DataError(message("[data] expected at least one image with at least one pixel, got ", data.count,
                            " images of ", data.channels, "x", data.height, "x", data.width, " in ", source));
  }
  if (static_cast<dim_t>(data.labels.size()) != data.count) {
    throw DataError(message("[data] expected one label per image, got ", data.labels.size(), " labels for ", data.count,
                            " images in ", source));
  }
  if (static_cast<dim_t>(data.pixels.size()) != data.count * data.image_bytes()) {
    throw DataError(message("[data] expected ", data.count * data.image_bytes(), " pixel bytes, got ",
                            data.pixels.size(), " in ", source));
  }
  for (dim_t i = 0; i < data.count; ++i) {
    if (data.labels[i] < 0 || data.labels[i] >= data.num_classes) {
      throw DataError(message("[data] expected labels 0..", data.num_classes - 1, ", got ", data.labels[i],
                              " for image ", i, " in ", source));
    }
  }
  if (static_cast<int>(data.class_names.size()) != data.num_classes) {
    throw DataError(
        message("[data] expected ", data.num_classes, " class names, got ", data.class_names.size(), " in ", source));
  }
  const auto& std = data.normalization.std;
  if (static_cast<dim_t>(data.normalization.mean.size()) != data.channels ||
      static_cast<dim_t>(std.size()) != data.channels ||
      !std::all_of(std.begin(), std.end(), [](float s) { return s > 0; })) {
    throw DataError(message("[data] expected a mean and a positive deviation for each of ", data.channels,
                            " channels in ", source));
  }
}

std::vector<dim_t> class_counts(const ImageDataset& data) {
  std::vector<dim_t> counts(data.num_classes, 0);
  for (std::int32_t label : data.labels) ++counts[label];
  return counts;
}

ImageDataset select(const ImageDataset& data, const std::vector<dim_t>& indices) {
  ImageDataset out;
  out.name = data.name;
  out.split = data.split;
  out.count = static_cast<dim_t>(indices.size());
  out.channels = data.channels;
  out.height = data.height;
  out.width = data.width;
  out.num_classes = data.num_classes;
  out.class_names = data.class_names;
  out.normalization = data.normalization;
  out.pixels.reserve(indices.size() * data.image_bytes());
  out.labels.reserve(indices.size());
  for (dim_t index : indices) {
    if (index < 0 || index >= data.count) {
      throw UsageError(message("[data] expected indices 0..", data.count - 1, ", got ", index));
    }
    out.pixels.insert(out.pixels.end(), data.image(index), data.image(index) + data.image_bytes());
    out.labels.push_back(data.labels[index]);
  }
  return out;
}

}  // namespace engram
