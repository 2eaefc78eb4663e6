#include "models/training/evaluate.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/data/batch_stager.h"
#include "models/nets/finite_outputs.h"

namespace engram {
namespace {

std::vector<float> finite_logits(Network& network, const Tensor& images) {
  std::vector<float> logits = network.logits_inference(images).to_vector();
  check_finite_outputs("evaluate", "logits", network, images, logits);
  if (network.num_classes() > 1) return logits;
  std::vector<float> pairs;
  for (const float v : logits) pairs.insert(pairs.end(), {0.f, v});
  return pairs;
}

/// The set in its own order, each image as it is or mirrored.
BatchPlan in_order(dim_t batch_size, bool mirrored) {
  BatchPlan plan;
  plan.batch_size = batch_size;
  plan.augment.flip_probability = mirrored ? 1 : 0;
  return plan;
}

/// Logits of a batch; with `mirror` their mean over each image and its mirror image.
std::vector<float> logits_of(Network& network, BatchStager& plain, BatchStager* mirror, dim_t batch) {
  plain.stage({0, batch});
  std::vector<float> logits = finite_logits(network, plain.gather().images);
  if (!mirror) return logits;
  mirror->stage({0, batch});
  const std::vector<float> other = finite_logits(network, mirror->gather().images);
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
  const int classes = std::max(2, network.num_classes());
  for (std::int32_t label : data.labels)
    if (label < 0 || label >= classes)
      throw DataError(message("[evaluate] expected labels in [0,", classes, "), got ", label, " in ", data.name));
  Evaluation tally;
  tally.confusion.assign(std::size_t(classes), std::vector<dim_t>(std::size_t(classes), 0));
  const DeviceDataset on_device(data, network.device(), options.normalization);
  BatchStager plain(on_device, in_order(options.batch_size, false));
  std::optional<BatchStager> mirror;
  if (options.flip) mirror.emplace(on_device, in_order(options.batch_size, true));
  for (dim_t batch = 0; batch < plain.batches_per_epoch(); ++batch) {
    const std::vector<float> logits = logits_of(network, plain, mirror ? &*mirror : nullptr, batch);
    for (dim_t i = 0; i < plain.count(); ++i) {
      const std::int32_t label = data.labels[std::size_t(plain.samples()[std::size_t(i)])];
      count_one(tally, logits.data() + i * classes, classes, label);
      if (options.observe) options.observe(label, std::span(logits).subspan(std::size_t(i * classes), classes));
    }
  }
  if (tally.count > 0) tally.mean_loss /= double(tally.count);
  return tally;
}

}  // namespace engram
