#include "models/training/evaluate.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/data/loader.h"

namespace engram {
namespace {

/// The planar images mirrored left to right.
std::vector<float> mirrored(const std::vector<float>& images, dim_t width) {
  std::vector<float> out(images.size());
  for (std::size_t row = 0; row < images.size(); row += std::size_t(width))
    std::reverse_copy(images.begin() + dim_t(row), images.begin() + dim_t(row) + width, out.begin() + dim_t(row));
  return out;
}

std::vector<float> finite_logits(Network& network, const std::vector<float>& images, const Shape& shape) {
  const Tensor x = Tensor::from(images, shape, network.device());
  std::vector<float> logits = network.logits_inference(x).to_vector();
  for (const float v : logits)
    if (!std::isfinite(v))
      throw DataError(message("[evaluate] expected finite logits, got ", v,
                              "; the first layer whose output is not finite: ", network.first_layer_not_finite(x)));
  return logits;
}

std::vector<float> logits_of(Network& network, const std::vector<float>& images, const Shape& shape, bool flip) {
  std::vector<float> logits = finite_logits(network, images, shape);
  if (!flip) return logits;
  const std::vector<float> other = finite_logits(network, mirrored(images, shape[3]), shape);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = 0.5f * (logits[i] + other[i]);
  return logits;
}

/// Adds one image to the tally.
void count_one(Evaluation& tally, const float* logits, int classes, int label) {
  const int predicted = int(std::max_element(logits, logits + classes) - logits);
  double total = 0;
  for (int c = 0; c < classes; ++c) total += std::exp(double(logits[c]) - double(logits[predicted]));
  tally.mean_loss += std::log(total) + double(logits[predicted]) - double(logits[label]);
  ++tally.confusion[std::size_t(label)][std::size_t(predicted)];
  if (predicted == label) ++tally.correct;
  ++tally.count;
}

}  // namespace

Evaluation evaluate(Network& network, const ImageDataset& data, const EvaluateOptions& options) {
  NoGradGuard no_grad;
  const int classes = network.num_classes();
  for (std::int32_t label : data.labels)
    if (label < 0 || label >= classes)
      throw DataError(message("[evaluate] expected labels in [0,", classes, "), got ", label, " in ", data.name));
  ImageDataset view;  // only the constants differ, so copy the set only when they do
  const bool renormalize = !options.normalization.mean.empty();
  if (renormalize) {
    view = data;
    view.normalization = options.normalization;
  }
  Evaluation tally;
  tally.confusion.assign(std::size_t(classes), std::vector<dim_t>(std::size_t(classes), 0));
  LoaderOptions loading;
  loading.batch_size = options.batch_size;
  loading.epochs = 1;
  DataLoader loader(renormalize ? view : data, loading);
  Batch batch;
  while (loader.next(batch)) {
    const auto logits =
        logits_of(network, batch.images, {batch.count, data.channels, data.height, data.width}, options.flip);
    for (dim_t i = 0; i < batch.count; ++i) {
      const std::int32_t label = batch.labels[std::size_t(i)];
      count_one(tally, logits.data() + i * classes, classes, label);
      if (options.observe) options.observe(label, std::span(logits).subspan(std::size_t(i * classes), classes));
    }
  }
  if (tally.count > 0) tally.mean_loss /= double(tally.count);
  return tally;
}

}  // namespace engram
