#pragma once
/// What is drawn for each training image, in the form that the kernels of image_batch take.

#include <span>

#include "kernels/image_batch/image_batch.h"
#include "models/data/augment.h"
#include "models/data/byte_image.h"

namespace engram {

/// The move of sample `index` in `epoch`, and its squares in `holes` (num_holes(options) of them): a function of the
/// arguments only. A square's centre is uniform over the image, and the square is clipped at the border (DeVries and
/// Taylor 2017, "Improved regularization of convolutional neural networks with cutout").
kernels::ImageSource draw_move(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index,
                               dim_t height, dim_t width, std::span<kernels::ImageHole> holes);

/// The crop and colours of the same sample, from draws of their own. Without a random crop the crop is the image as
/// `source` moves it.
kernels::ImageStyle draw_style(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index,
                               dim_t height, dim_t width, const kernels::ImageSource& source);

/// Image `index` of a set (whose labels are not looked at) as `move` moves it, turned, after its random operations: the
/// changes of changes_bytes, from draws of their own.
ByteImage draw_bytes(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, const kernels::ImageSetView& set,
                     const kernels::ImageSource& move);

}  // namespace engram
