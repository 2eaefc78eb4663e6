#pragma once
/// Synthesised images as bytes (docs/methods/natural_inversion.md, "From network input to bytes").

#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "models/data/dataset.h"

namespace engram {

/// How network input becomes pixels.
enum class PixelScaling {
  kPerImage,  ///< v = (x - min) / (max - min + 1e-5) over each image: contrast stretched, as the released code saves
  kDenormalized,  ///< v = x std + mean, the inverse of the classifier's normalisation, limited to [0, 1]
  kUnit           ///< v = x, of methods whose images are in [0, 1], cut instead of rounded: clamp(255 v), as CMI's code
                  ///< saves
};

/// "per-image" or "denormalized". Throws UsageError.
PixelScaling parse_pixel_scaling(const std::string& text);

/// Images [B,3,H,W] as planar bytes: clamp(255 v + 0.5, 0, 255), truncated.
std::vector<std::uint8_t> to_pixels(const Tensor& images, PixelScaling scaling, const Normalization& normalization);

}  // namespace engram
