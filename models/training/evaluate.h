#pragma once
/// Accuracy of a classifier on a labelled image set.

#include <functional>
#include <span>
#include <vector>

#include "models/data/dataset.h"
#include "models/nets/network.h"

namespace engram {

struct EvaluateOptions {
  dim_t batch_size = 256;
  bool flip = false;                 ///< mean of the logits of each image and its mirror image ("test-time flip")
  Normalization normalization = {};  ///< constants that the classifier was trained with; the data set's own when empty
  /// Called with the label and the logits of each image, in the order of the set; empty: not called.
  std::function<void(std::int32_t label, std::span<const float> logits)> observe = {};
};

struct Evaluation {
  dim_t count = 0;
  dim_t correct = 0;
  double mean_loss = 0;  ///< cross entropy
  /// confusion[label][predicted] counts images.
  std::vector<std::vector<dim_t>> confusion;
  double accuracy() const { return count > 0 ? double(correct) / double(count) : 0; }
};

/// Runs `network` in evaluation mode (its mode is left as it was) over all images, which are copied to its device. The
/// lowest class wins a tie. Throws DataError when a label does not fit the network's classes, and when a logit is not
/// finite, naming the first layer whose output is not.
///
/// A network of one output o is the logistic model of two classes, with the logits 0 and o: labels are 0 and 1 then.
Evaluation evaluate(Network& network, const ImageDataset& data, const EvaluateOptions& options = {});

}  // namespace engram
