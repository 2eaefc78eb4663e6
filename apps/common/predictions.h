#pragma once
/// What a classifier says about each image of a set.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/common/types.h"

namespace engram::apps {

/// Labels and logits of images, in the order of the set; filled through EvaluateOptions::observe.
class Predictions {
 public:
  /// Appends an image. The logits are one number a class.
  void add(std::int32_t label, std::span<const float> logits);

  dim_t count() const { return dim_t(labels_.size()); }
  std::int32_t label(dim_t image) const { return labels_[std::size_t(image)]; }
  /// The class of the largest logit, the lowest of equal ones.
  std::int32_t predicted(dim_t image) const;
  /// Softmax probability of the image's own label, 0 to 1.
  double probability(dim_t image) const;
  std::span<const float> logits(dim_t image) const;

 private:
  std::vector<std::int32_t> labels_;
  std::vector<float> logits_;
};

/// CSV with a header line: index, label, predicted, logit_0, logit_1, ...; logits with as many digits as f32 needs.
std::string predictions_csv(const Predictions& predictions);

}  // namespace engram::apps
