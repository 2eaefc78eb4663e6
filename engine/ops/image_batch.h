#pragma once
/// Batches of network input from images that are stored as bytes. Results are f32 [B,C,H,W] in the layout that
/// convolutions of the device want; nothing here is differentiable, and everything can be captured.

#include "engine/tensor.h"

namespace engram {

/// Stored images with their labels, all on one device.
struct StoredImages {
  Tensor images;  ///< u8 [N,C,H,W], C at most 4
  Tensor labels;  ///< i32 [L,N]: L labels an image; or undefined
};

/// What is done to each image of a batch, as tensors on the images' device, so that captured work reads new draws from
/// the same place. Columns are the members of the structs of kernels/image_batch/image_batch.h, in their order.
struct ImageDraws {
  Tensor sources;        ///< i32 [B,4], kernels::ImageSource
  Tensor holes;          ///< i32 [B,K,4], kernels::ImageHole; undefined for none
  bool reflect = false;  ///< the image goes on as its mirror image beyond its border, else black
};

/// A batch.
struct ImageBatch {
  Tensor images;  ///< f32 [B,C,H,W]
  Tensor labels;  ///< i32 [L,B]; undefined where the stored ones are
};

/// The images that the draws pick and move: out = values[c][byte], 0 in holes; `values` is f32 [C,256]. Images keep
/// their size. An index outside the set gives NaNs and labels -1, which a loss reports. Throws ShapeError, DTypeError,
/// DeviceError.
ImageBatch gather_images(const StoredImages& stored, const ImageDraws& draws, const Tensor& values);

/// The crops that `styles` (i32 [B,10], the words of kernels::ImageStyle) name, resampled to height x width, perhaps
/// mirrored, with changed colours where `colours` (3 channels), normalised by `mean` and `deviation` (f32 [C]), 0 in
/// holes. The formulas are those of kernels::StyleImagesArgs. Throws as gather_images.
ImageBatch style_images(const StoredImages& stored, const ImageDraws& draws, const Tensor& styles, bool colours,
                        const Tensor& mean, const Tensor& deviation, dim_t height, dim_t width);

}  // namespace engram
