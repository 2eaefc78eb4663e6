#include "models/data/device_dataset.h"

#include "kernels/common/error.h"
#include "kernels/image_batch/image_batch.h"

namespace engram {
namespace {

std::vector<float> value_table(const Normalization& n) {
  std::vector<float> table;
  for (std::size_t c = 0; c < n.mean.size(); ++c)
    for (int v = 0; v < 256; ++v) table.push_back(static_cast<float>((v / 255.0 - n.mean[c]) / n.std[c]));
  return table;
}

}  // namespace

DeviceDataset::DeviceDataset(const ImageDataset& data, const Device& device, const Normalization& normalization)
    : labels_(data.labels),
      name_(data.name),
      num_classes_(data.num_classes),
      num_contexts_(int(data.context_names.size())) {
  check_dataset(data, "the data set " + data.name);
  if (data.channels > kernels::kMaxImageChannels)
    throw DataError(message("[data] expected images of 1 to ", kernels::kMaxImageChannels, " channels, got ",
                            data.channels, " in the data set ", data.name));
  const Normalization& constants = normalization.mean.empty() ? data.normalization : normalization;
  if (dim_t(constants.mean.size()) != data.channels || dim_t(constants.std.size()) != data.channels)
    throw DataError(message("[data] expected normalisation constants for ", data.channels, " channels, got ",
                            constants.mean.size(), " and ", constants.std.size()));
  stored_.images = Tensor::from(data.pixels, {data.count, data.channels, data.height, data.width}, device);
  std::vector<std::int32_t> labels = data.labels;
  labels.insert(labels.end(), data.contexts.begin(), data.contexts.end());
  stored_.labels = Tensor::from(labels, {dim_t(labels.size()) / data.count, data.count}, device);
  values_ = Tensor::from(value_table(constants), {data.channels, 256}, device);
  mean_ = Tensor::from(constants.mean, {data.channels}, device);
  deviation_ = Tensor::from(constants.std, {data.channels}, device);
}

}  // namespace engram
