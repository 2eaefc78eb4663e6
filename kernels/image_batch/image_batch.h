#pragma once
/// Network input from images that are stored as bytes: picks the images of a batch by index, moves or crops them,
/// changes their colours, normalises and erases, in one pass from u8 to f32.

#include <cstdint>

#include "kernels/common/activation.h"
#include "kernels/common/cost.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// Most channels of a stored image.
inline constexpr dim_t kMaxImageChannels = 4;

/// Which stored image becomes an image of the batch, and its move by whole pixels: row y, column x of the result is
/// stored row y + dy, column x' + dx with x' = flip ? width - 1 - x : x (a crop of the padded image, then a mirror
/// image). An index outside the set gives NaNs, and labels -1.
struct ImageSource {
  std::int32_t index = 0;
  std::int32_t dy = 0, dx = 0;
  std::int32_t flip = 0;  ///< 0 or 1
};

/// A rectangle of the result that is set to 0 after normalisation: half-open, within the image; empty where top =
/// bottom.
struct ImageHole {
  std::int32_t top = 0, left = 0, bottom = 0, right = 0;
};

/// The crop and the colours of an image of the batch. The crop may reach beyond the stored image.
struct ImageStyle {
  std::int32_t top = 0, left = 0, height = 0, width = 0;  ///< stored pixels, at least 1x1
  float brightness = 1, contrast = 1, saturation = 1;     ///< factors; 1 leaves the image as it is
  float hue = 0;                                          ///< added to the hue, whose circle has length 1
  std::int32_t order = 0x3210;  ///< which change comes first, in its lowest hexadecimal digit: 0 brightness, 1
                                ///< contrast, 2 saturation, 3 hue; each once
  std::int32_t grey = 0;        ///< 1: the image loses its colours at the end
};

/// A set of images and what is taken from it.
struct ImageSetView {
  const std::uint8_t* images;  ///< [count, c, h, w]
  const std::int32_t* labels;  ///< [label_sets, count], or null
  dim_t count, c, h, w;        ///< c is at most kMaxImageChannels
  dim_t label_sets;
  bool reflect;  ///< what lies outside a stored image: its mirror image about the border pixels, or else bytes of 0
};

/// y[n] = values of the moved image, 0 in its holes. Exact: every value is one of the table.
struct GatherImagesArgs {
  ImageSetView set;
  const ImageSource* sources;  ///< [y_shape.n]
  const ImageHole* holes;      ///< [y_shape.n, num_holes]
  dim_t num_holes;
  const float* values;      ///< [c, 256]: what each byte of a channel becomes
  ActivationShape y_shape;  ///< the extents of an image; planar or channels-last
  float* y;
  std::int32_t* y_labels;  ///< [label_sets, y_shape.n]; null without labels
};

/// y[n] = the crop of the stored image, resampled to the extents of y (a triangle filter, stretched where the crop is
/// larger than y, over the pixels of the crop), mirrored where the source says so, with the colours of its style,
/// normalised, 0 in its holes. Moves by whole pixels are not looked at: they are the crop's corner.
///
/// Values v lie in [0, 1] from the resampling to the end of the colours. With blend(a, b, f) = f a + (1 - f) b cut to
/// [0, 1] and grey(v) = 0.2989 r + 0.587 g + 0.114 b: brightness is blend(v, 0, f), contrast blend(v, mean over the
/// image of grey(v), f), saturation blend(v, grey(v), f); hue is added in hue, saturation and value. These are the
/// definitions of torchvision's transforms for floating-point images (torchvision.transforms.functional, version 0.15),
/// and its antialiased bilinear resizing.
struct StyleImagesArgs {
  ImageSetView set;
  const ImageSource* sources;
  const ImageStyle* styles;  ///< [y_shape.n]
  const ImageHole* holes;
  dim_t num_holes;
  bool colours;  ///< false leaves the colours of the styles out; true needs 3 channels
  const float* mean;
  const float* deviation;  ///< [c]: the result is (v - mean) / deviation
  ActivationShape y_shape;
  float* y;
  std::int32_t* y_labels;
};

/// Entry points of one back end. Results do not depend on the number of threads.
struct ImageBatchKernels {
  void (*gather)(Stream, const GatherImagesArgs&);
  void (*style)(Stream, const StyleImagesArgs&);
};

/// Stored bytes and the table read, y and labels written.
Cost gather_images_cost(const GatherImagesArgs& args);
/// The pixels of crops as large as the stored images read, y written twice and read once where colours change; 60
/// operations a pixel for the four taps of a channel, and 100 for the colours.
Cost style_images_cost(const StyleImagesArgs& args);

/// The CPU back end.
extern const ImageBatchKernels kCpuImageBatch;
/// The CUDA back end; defined where its kernels are linked.
extern const ImageBatchKernels kCudaImageBatch;

/// Plain loops in double over planar results (y_shape.block is ignored): the oracle of the tests. Labels are the
/// kernel's business alone.
namespace reference {
void gather_images(const GatherImagesArgs& args, double* y);
void style_images(const StyleImagesArgs& args, double* y);
}  // namespace reference

}  // namespace engram::kernels
