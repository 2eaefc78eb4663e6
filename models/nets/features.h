#pragma once
/// What a network returns beside its logits, by request.

#include <string>
#include <vector>

#include "models/layers.h"

namespace engram {

/// What to return. Nothing costs anything that is not asked for.
struct FeatureRequest {
  bool logits = true;            ///< without them the pass may end after the last map that was asked for
  bool taps = false;             ///< the stages' results, finest first: see Network::taps()
  bool sums = false;             ///< the taps, but for the last one of pre-activation networks before what closes it
  bool pre_activations = false;  ///< the stages' results before their last activation
  bool pooled = false;           ///< the vector before the classifier
  bool bn_inputs = false;        ///< the inputs of all batch normalisations
};

/// A stage's result before its last activation.
struct PreActivation {
  Tensor value;
  /// The batch normalisation whose weight and bias give the margin of overhaul distillation: the one that `value`, or
  /// its last summand, comes from. Null where no single one feeds all channels (ShuffleNet).
  const BatchNorm2d* bn = nullptr;
};

/// The input of a batch normalisation under the layer's name, for example "layer1.0.bn1".
struct BnInput {
  std::string name;
  const BatchNorm2d* layer;
  Tensor x;
};

/// The features that were asked for; the others are empty.
struct Features {
  Tensor logits;                               ///< [N,num_classes]
  std::vector<Tensor> taps;                    ///< of the extents of Network::taps()
  std::vector<PreActivation> pre_activations;  ///< of the same extents
  std::vector<Tensor> sums;                    ///< of the same extents
  Tensor pooled;                               ///< [N,D]
  std::vector<BnInput> bn_inputs;              ///< in the order of the state dictionary
};

}  // namespace engram
