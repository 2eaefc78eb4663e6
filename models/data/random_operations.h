#pragma once
/// Random operations on bytes (Cubuk et al. 2020, "RandAugment: Practical automated data augmentation with a reduced
/// search space"), in the form of the released code of multi-level logit distillation (Jin et al. 2023): 14 operations
/// at uniform magnitudes, then a grey square.

#include "engine/sample_random.h"
#include "models/data/byte_image.h"

namespace engram {

/// Applies `count` operations, drawn with replacement: none, contrast stretched, equalised, brightness, colour,
/// contrast or sharpness to 0.05 to 0.95, 4 to 7 bits, bytes from 0 to 256 on inverted, turned by up to 30 degrees,
/// sheared or shifted along an axis by up to 0.3 (of the pixels' distance, of the side). Then a square around a uniform
/// place, clipped, of up to half the width, becomes grey (125, 123, 114). Three channels.
void apply_random_operations(ByteImage& image, int count, SampleRandom& random);

}  // namespace engram
