#pragma once
/// Group normalisation (Wu and He 2018).

#include "models/layers.h"

namespace engram {

/// Each image's channels in `groups` groups, normalised over a group and all pixels (biased variance, 1e-5 added), then
/// scaled and shifted by channel: PyTorch's GroupNorm. Parameters weight, bias [C].
class GroupNorm : public Module {
 public:
  /// Throws UsageError unless `groups` divides the channels.
  GroupNorm(dim_t groups, dim_t channels, Device device);
  /// x [N,C,H,W] in any layout; the result is planar.
  Tensor forward(const Tensor& x) const;

 private:
  dim_t groups_;
  Tensor weight_, bias_;
};

}  // namespace engram
