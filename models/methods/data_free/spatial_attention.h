#pragma once
/// ZSKT's attention transfer (docs/methods/data_free.md, "ZSKT").

#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Maps [N,C,H,W] -> [N,HW]: the mean over channels of squares, each image's scaled to length 1 (at least 1e-12).
Tensor unit_attention(const Tensor& map);

/// mean((A(s) - A(t))^2) of each pair of maps, which agree in N, H and W. Scalars. Throws ShapeError.
std::vector<Tensor> attention_distances(const std::vector<Tensor>& student, const std::vector<Tensor>& teacher);

/// A network's logits and the results of its stages as the attention compares them: those of residual networks as they
/// are tapped; of pre-activation networks all before the normalisation that follows, also the last one, whose tap is
/// behind it.
struct StageMaps {
  Tensor logits;
  std::vector<Tensor> maps;
};
StageMaps stage_maps(Network& network, const Tensor& x);

}  // namespace engram
