#pragma once
/// Augmentation of one image on its way from stored bytes to network input.

#include "models/data/dataset.h"

namespace engram {

/// What lies outside the image when it is shifted.
enum class PadMode {
  kZero,    ///< black (byte 0), as padding before normalisation gives
  kReflect  ///< mirrored about the border pixels, which are not repeated; needs padding < height and width
};

/// What is done to each training image. The default does nothing but normalise.
struct AugmentOptions {
  int padding = 0;  ///< shift each axis by a uniform integer in [-padding, padding]: pad + random crop
  PadMode pad_mode = PadMode::kZero;
  float flip_probability = 0;  ///< horizontal flip
  int cutout = 0;              ///< side of the square set to 0 after normalisation (the mean colour); 0 is off
};

/// Crop with zero padding 4 and flip with probability 1/2: the usual CIFAR recipe.
AugmentOptions standard_augmentation();

/// Throws UsageError for options that make no sense, or do not fit images of this size.
void check_augmentation(const AugmentOptions& options, dim_t height, dim_t width);

/// What is done to one image. Row y, column x of the result reads row y + dy, column x + dx of the source, or
/// column (width - 1 - x) + dx when flipped: crop first, then flip.
struct AugmentDraw {
  int dy = 0, dx = 0;
  bool flip = false;
  int cut_top = 0, cut_bottom = 0, cut_left = 0,
      cut_right = 0;  ///< half-open square in the result; empty without cutout
};

/// The draw of sample `index` in `epoch`: a function of its arguments only. The cutout's centre is uniform over the
/// image and the square is clipped at the border (DeVries and Taylor 2017).
AugmentDraw draw_augmentation(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index, dim_t height,
                              dim_t width);

/// Maps bytes to normalised values, one table of 256 entries per channel; computed in double, rounded once, so the
/// values do not depend on the instruction set.
class NormalizationTable {
 public:
  explicit NormalizationTable(const Normalization& normalization);
  const float* channel(dim_t c) const { return table_.data() + c * 256; }

 private:
  std::vector<float> table_;
};

/// Applies `draw` to the planar image `source` [channels, height, width] u8 and writes normalised f32 of the same
/// shape.
void augment_image(const std::uint8_t* source, dim_t channels, dim_t height, dim_t width, const AugmentDraw& draw,
                   PadMode pad_mode, const NormalizationTable& table, float* out);

}  // namespace engram
