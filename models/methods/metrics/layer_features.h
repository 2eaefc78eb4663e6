#pragma once
/// What the layers of a network make of images, by name.

#include <string>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Which layers to take. kStages: "stage1", "stage2", ... (Network::taps), "pooled" and "logits". kAll: also the input
/// of every batch normalisation under the layer's name ("layer1.0.bn1"), in the order of the state dictionary, before
/// the others.
enum class LayerSelection { kStages, kAll };

struct LayerFeatures {
  std::vector<std::string> names;
  std::vector<Tensor> values;  ///< [n,...], without history
};

/// Of normalised images x [n,c,h,w], in evaluation mode whatever the network's. Throws ShapeError, and DataError for
/// logits that are not finite.
LayerFeatures layer_features(Network& network, const Tensor& x, LayerSelection selection);

}  // namespace engram
