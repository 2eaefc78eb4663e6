#pragma once
/// Heat maps of images, on the host.

#include <vector>

#include "engine/tensor.h"
#include "models/data/dataset.h"

namespace engram {

/// Channels [first, last) of a network's last tapped map, for example one half of a split feature; last 0: all.
struct ChannelRange {
  dim_t first = 0, last = 0;
};

/// f32 [channels], 1 within the range and 0 outside, on a device. Throws UsageError for an empty range or one beyond
/// the channels.
Tensor channel_mask(const ChannelRange& range, dim_t channels, const Device& device);

/// What a network takes of images [n,c,h,w] in grey levels 0 to 255: (x / 255 - mean) / std. Differentiable. Throws
/// ShapeError unless there is a constant for each channel.
Tensor normalized_images(const Tensor& grey_levels, const Normalization& normalization);

/// Maps [n,h,w] enlarged to [n,height,width] by linear interpolation between the centres of pixels (PyTorch's bilinear
/// with align_corners=False). Throws ShapeError for other than three axes or none to interpolate.
Tensor enlarge_maps(const Tensor& maps, dim_t height, dim_t width);

}  // namespace engram
