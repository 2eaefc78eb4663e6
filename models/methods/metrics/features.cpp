#include "models/methods/metrics/features.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "engine/stop_scope.h"
#include "models/data/batch_stager.h"
#include "models/nets/finite_outputs.h"

namespace engram {
namespace {

/// Adds what the network made of a batch of images.
void append(FeatureMatrix& all, const Tensor& batch, Network& network, const Tensor& images) {
  all.columns = batch.dim(1);
  all.rows += batch.dim(0);
  const std::vector<float> values = batch.to_vector();
  check_finite_outputs("image_features", "features", network, images, values);
  all.values.insert(all.values.end(), values.begin(), values.end());
}

/// Softmax of each row in double precision; returns the index of each row's largest logit.
std::vector<std::int32_t> softmax_rows(FeatureMatrix& logits) {
  std::vector<std::int32_t> largest;
  for (dim_t i = 0; i < logits.rows; ++i) {
    double* row = logits.values.data() + i * logits.columns;
    const double* top = std::max_element(row, row + logits.columns);
    largest.push_back(std::int32_t(top - row));
    const double most = *top;
    double total = 0;
    for (dim_t c = 0; c < logits.columns; ++c) total += row[c] = std::exp(row[c] - most);
    for (dim_t c = 0; c < logits.columns; ++c) row[c] /= total;
  }
  return largest;
}

}  // namespace

void check_features(const char* op, const FeatureMatrix& f) {
  if (f.rows < 0 || f.columns < 1 || dim_t(f.values.size()) != f.rows * f.columns)
    throw ShapeError(
        message("[", op, "] expected ", f.rows, " x ", f.columns, " values of features, got ", f.values.size()));
  for (std::size_t i = 0; i < f.values.size(); ++i)
    if (!std::isfinite(f.values[i]))
      throw DataError(
          message("[", op, "] expected finite features, got ", f.values[i], " in row ", dim_t(i) / f.columns));
}

std::vector<double> ImageFeatures::correct() const {
  std::vector<double> values;
  for (std::size_t i = 0; i < labels.size(); ++i) values.push_back(labels[i] == predicted[i]);
  return values;
}

ImageFeatures image_features(Network& network, const ImageDataset& images, const FeatureOptions& options) {
  const NoGradGuard no_grad;
  const DeviceDataset on_device(images, network.device(), options.normalization);
  BatchStager stager(on_device, {.batch_size = std::min(options.batch_size, std::max<dim_t>(1, images.count))});
  ImageFeatures result;
  for (dim_t batch = 0; batch < stager.batches_per_epoch(); ++batch) {
    leave_if_stopped("features were computed");
    stager.stage({0, batch});
    const Tensor staged = stager.gather().images;
    const Features seen = network.inference(staged, {.pooled = true});
    append(result.features, seen.pooled, network, staged);
    append(result.probabilities, seen.logits, network, staged);
  }
  result.labels = images.labels;
  result.predicted = softmax_rows(result.probabilities);
  return result;
}

}  // namespace engram
