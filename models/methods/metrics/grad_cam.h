#pragma once
/// Grad-CAM: where a network's last map speaks for a class (Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from
/// Deep Networks via Gradient-based Localization", equations 1 and 2). docs/methods/analysis.md.

#include <vector>

#include "models/methods/metrics/attribution_map.h"
#include "models/nets/network.h"

namespace engram {

/// relu(sum_c w_c A_c) with w_c = mean over the pixels of d logit / d A_c, of one class an image; A is the last tapped
/// map, of which `channels` are taken. [n,h,w] with the extents of that map; differentiable in x when `create_graph` is
/// set and recording is on. The network runs in the mode that it is in. Throws ShapeError unless there is a class for
/// each image, DataError for a class that the network does not have.
Tensor grad_cam(Network& network, const Tensor& x, const std::vector<std::int32_t>& classes,
                const ChannelRange& channels = {}, bool create_graph = false);

/// The same from a pass that has been recorded.
Tensor grad_cam(const Tensor& logits, const Tensor& map, const std::vector<std::int32_t>& classes,
                const ChannelRange& channels, bool create_graph);

}  // namespace engram
