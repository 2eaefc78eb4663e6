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

namespace {

void check_range(const char* what, const std::vector<std::int32_t>& labels, int bound, const std::string& source) {
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] < 0 || labels[i] >= bound)
      throw DataError(
          message("[data] expected ", what, " 0..", bound - 1, ", got ", labels[i], " for image ", i, " in ", source));
}

/// Everything but images and labels.
ImageDataset without_images(const ImageDataset& data) {
  ImageDataset out;
  out.name = data.name;
  out.split = data.split;
  out.channels = data.channels;
  out.height = data.height;
  out.width = data.width;
  out.num_classes = data.num_classes;
  out.class_names = data.class_names;
  out.context_names = data.context_names;
  out.normalization = data.normalization;
  out.note = data.note;
  return out;
}

}  // namespace

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
  check_range("labels", data.labels, data.num_classes, source);
  if (!data.contexts.empty() || !data.context_names.empty()) {
    if (static_cast<dim_t>(data.contexts.size()) != data.count)
      throw DataError(message("[data] expected one second label per image, got ", data.contexts.size(),
                              " second labels for ", data.count, " images in ", source));
    check_range("second labels", data.contexts, static_cast<int>(data.context_names.size()), source);
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
  ImageDataset out = without_images(data);
  out.count = static_cast<dim_t>(indices.size());
  out.pixels.reserve(indices.size() * data.image_bytes());
  out.labels.reserve(indices.size());
  for (dim_t index : indices) {
    if (index < 0 || index >= data.count) {
      throw UsageError(message("[data] expected indices 0..", data.count - 1, ", got ", index));
    }
    out.pixels.insert(out.pixels.end(), data.image(index), data.image(index) + data.image_bytes());
    out.labels.push_back(data.labels[index]);
    if (!data.contexts.empty()) out.contexts.push_back(data.contexts[index]);
  }
  return out;
}

ImageDataset join_sources(const std::vector<ImageDataset>& sources, const std::vector<std::string>& context_names) {
  if (sources.empty() || sources.size() != context_names.size())
    throw UsageError(message("[data] expected at least one set and a name for each, got ", sources.size(), " sets and ",
                             context_names.size(), " names"));
  ImageDataset out = without_images(sources[0]);
  out.context_names = context_names;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const ImageDataset& set = sources[s];
    if (set.channels != out.channels || set.height != out.height || set.width != out.width)
      throw DataError(message("[data] expected sets of images of one size, got ", out.channels, "x", out.height, "x",
                              out.width, " in ", context_names[0], " and ", set.channels, "x", set.height, "x",
                              set.width, " in ", context_names[s]));
    if (set.class_names != out.class_names)
      throw DataError(message("[data] expected sets of the same classes, got others in ", context_names[s], " than in ",
                              context_names[0]));
    out.pixels.insert(out.pixels.end(), set.pixels.begin(), set.pixels.end());
    out.labels.insert(out.labels.end(), set.labels.begin(), set.labels.end());
    out.contexts.insert(out.contexts.end(), set.labels.size(), static_cast<std::int32_t>(s));
    out.count += set.count;
  }
  return out;
}

}  // namespace engram
