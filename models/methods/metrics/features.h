#pragma once
/// What a classifier says about each image of a set: the vectors and probabilities that the metrics compare.

#include <cstdint>
#include <vector>

#include "models/data/dataset.h"
#include "models/nets/network.h"

namespace engram {

/// Vectors, one a row.
struct FeatureMatrix {
  dim_t rows = 0, columns = 0;
  std::vector<double> values;  ///< [rows, columns]
  const double* row(dim_t i) const { return values.data() + i * columns; }
};

/// Throws ShapeError unless the values are rows x columns, DataError for one that is not finite; `op` begins the
/// message.
void check_features(const char* op, const FeatureMatrix& features);

/// A set seen by a classifier.
struct ImageFeatures {
  FeatureMatrix features;            ///< the pooled vector before the head
  FeatureMatrix probabilities;       ///< softmax of the logits
  std::vector<std::int32_t> labels;  ///< of the set
  std::vector<std::int32_t> predicted;

  /// 1 for each image that is taken for the class of its label, else 0.
  std::vector<double> correct() const;
};

struct FeatureOptions {
  dim_t batch_size = 256;
  Normalization normalization = {};  ///< constants that the classifier was trained with; the set's own when empty
};

/// Runs `network` in evaluation mode over all images, which are copied to its device. The lowest class wins a tie.
/// Throws DataError for a feature or logit that is not finite, and as DeviceDataset.
ImageFeatures image_features(Network& network, const ImageDataset& images, const FeatureOptions& options = {});

}  // namespace engram
