#pragma once
/// Layer-wise relevance propagation: which pixels a network's answer rests on (Bach et al. 2015; Montavon et al. 2017,
/// "Explaining NonLinear Classification Decisions with Deep Taylor Decomposition"; Iwana et al. 2019, "Explaining
/// Convolutional Neural Networks using Softmax Gradient Layer-wise Relevance Propagation"). docs/methods/analysis.md.

#include <vector>

#include "models/data/dataset.h"
#include "models/methods/metrics/attribution_map.h"
#include "models/nets/network.h"

namespace engram {

/// Where relevance starts. kLogit: the class's logit, at the class. kSoftmaxGradient: the class's probability at the
/// class; from its map that of the other classes (their probabilities), scaled to the same sum, is taken away, and what
/// falls below 0 is cut off.
enum class RelevanceStart { kLogit, kSoftmaxGradient };

struct RelevanceOptions {
  RelevanceStart start = RelevanceStart::kSoftmaxGradient;
  ChannelRange channels = {};  ///< of the last tapped map; relevance of the others is dropped
};

/// Relevance [n,h,w] of the pixels of normalised images x [n,c,h,w] for one class each, summed over the channels: z+ in
/// convolutions (normalisations folded in, biases left out) and linear layers, which is in proportion to the positive
/// products of inputs and weights, in proportion to the positive parts
/// where a residual is added (to the magnitudes where none is positive), to the winner of a maximum, and the box rule
/// z^B with the bounds of black and white for the layer that sees the pixels. The network is in evaluation mode
/// whatever its mode and is not changed. Throws UsageError for a network whose head is not linear layers on the pooled
/// vector, or whose pixels enter other than by a convolution; ShapeError; DataError for a class that it does not have.
/// Deterministic for one number of threads.
Tensor relevance_maps(Network& network, const Tensor& x, const std::vector<std::int32_t>& classes,
                      const Normalization& normalization, const RelevanceOptions& options = {});

}  // namespace engram
