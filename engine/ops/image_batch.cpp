#include "engine/ops/image_batch.h"

#include "engine/backend.h"
#include "engine/profiler.h"
#include "kernels/image_batch/image_batch.h"

namespace engram {
namespace {

using kernels::ImageHole;
using kernels::ImageSource;
using kernels::ImageStyle;

// The tensors' rows are the kernels' structs.
static_assert(sizeof(ImageSource) == 4 * sizeof(std::int32_t) && sizeof(ImageHole) == 4 * sizeof(std::int32_t) &&
              sizeof(ImageStyle) == 10 * sizeof(std::int32_t));

std::string described(const Tensor& x) {
  return x.defined() ? x.describe() : "an empty handle";
}

/// Throws unless `x` is a dense tensor of this type and shape.
void expect(const char* op, const char* what, const Tensor& x, DType dtype, const Shape& shape) {
  if (!x.defined() || x.shape() != shape || !x.is_contiguous())
    throw ShapeError(message("[", op, "] expected ", what, " ", dtype_name(dtype), " ", to_string(shape),
                             ", contiguous, got ", described(x)));
  if (x.dtype() != dtype)
    throw DTypeError(message("[", op, "] expected ", what, " ", dtype_name(dtype), ", got ", x.describe()));
}

/// The operands that both operations have, checked.
kernels::ImageSetView view_of(const char* op, const StoredImages& stored, const ImageDraws& draws) {
  const Tensor &images = stored.images, &labels = stored.labels, &sources = draws.sources;
  if (!images.defined() || images.dtype() != DType::kU8 || images.rank() != 4 || images.numel() == 0 ||
      images.dim(1) > kernels::kMaxImageChannels || !images.is_contiguous())
    throw ShapeError(message("[", op, "] expected stored images u8 [N,C,H,W] with 1 to ", kernels::kMaxImageChannels,
                             " channels, contiguous, got ", described(images)));
  const dim_t batch = sources.defined() && sources.rank() == 2 ? sources.dim(0) : 0;
  expect(op, "sources", sources, DType::kI32, {batch, 4});
  if (draws.holes.defined())
    expect(op, "holes", draws.holes, DType::kI32, {batch, draws.holes.rank() == 3 ? draws.holes.dim(1) : 0, 4});
  if (labels.defined())
    expect(op, "labels", labels, DType::kI32, {labels.rank() == 2 ? labels.dim(0) : 1, images.dim(0)});
  check_one_device(op, {images, labels, sources, draws.holes});
  return {.images = images.data<std::uint8_t>(),
          .labels = labels.defined() ? labels.data<std::int32_t>() : nullptr,
          .count = images.dim(0),
          .c = images.dim(1),
          .h = images.dim(2),
          .w = images.dim(3),
          .label_sets = labels.defined() ? labels.dim(0) : 0,
          .reflect = draws.reflect};
}

/// An uninitialised batch of images of this size.
ImageBatch empty_batch(const StoredImages& stored, dim_t count, dim_t height, dim_t width) {
  const Device device = stored.images.device();
  const dim_t channels = stored.images.dim(1);
  const Layout layout = can_block_channels(device, channels) ? Layout::kBlocked : Layout::kStrided;
  ImageBatch batch{Tensor::empty({count, channels, height, width}, DType::kF32, device, layout), {}};
  if (stored.labels.defined()) batch.labels = Tensor::empty({stored.labels.dim(0), count}, DType::kI32, device);
  return batch;
}

template <class T>
const T* rows_of(const Tensor& x) {
  return x.defined() ? static_cast<const T*>(x.raw_data()) : nullptr;
}

}  // namespace

ImageBatch gather_images(const StoredImages& stored, const ImageDraws& draws, const Tensor& values) {
  const char* const op = "gather_images";
  const kernels::ImageSetView set = view_of(op, stored, draws);
  expect(op, "values", values, DType::kF32, {set.c, 256});
  check_one_device(op, {stored.images, values});
  const Device device = stored.images.device();
  const ImageBatch batch = empty_batch(stored, draws.sources.dim(0), set.h, set.w);
  const kernels::GatherImagesArgs args = {
      .set = set,
      .sources = rows_of<ImageSource>(draws.sources),
      .holes = rows_of<ImageHole>(draws.holes),
      .num_holes = draws.holes.defined() ? draws.holes.dim(1) : 0,
      .values = values.data<float>(),
      .y_shape = batch.images.activation(),
      .y = batch.images.data<float>(),
      .y_labels = batch.labels.defined() ? batch.labels.data<std::int32_t>() : nullptr};
  OpScope scope(op, kernels::gather_images_cost(args));
  backend(device).image_batch.gather(current_stream(device), args);
  return batch;
}

ImageBatch style_images(const StoredImages& stored, const ImageDraws& draws, const Tensor& styles, bool colours,
                        const Tensor& mean, const Tensor& deviation, dim_t height, dim_t width) {
  const char* const op = "style_images";
  const kernels::ImageSetView set = view_of(op, stored, draws);
  expect(op, "styles", styles, DType::kI32, {draws.sources.dim(0), 10});
  expect(op, "mean", mean, DType::kF32, {set.c});
  expect(op, "deviation", deviation, DType::kF32, {set.c});
  check_one_device(op, {stored.images, styles, mean, deviation});
  if (height < 1 || width < 1)
    throw ShapeError(message("[", op, "] expected a size of at least 1x1, got ", height, "x", width));
  if (colours && set.c != 3) throw ShapeError(message("[", op, "] expected 3 channels to change colours, got ", set.c));
  const Device device = stored.images.device();
  const ImageBatch batch = empty_batch(stored, draws.sources.dim(0), height, width);
  const kernels::StyleImagesArgs args = {
      .set = set,
      .sources = rows_of<ImageSource>(draws.sources),
      .styles = rows_of<ImageStyle>(styles),
      .holes = rows_of<ImageHole>(draws.holes),
      .num_holes = draws.holes.defined() ? draws.holes.dim(1) : 0,
      .colours = colours,
      .mean = mean.data<float>(),
      .deviation = deviation.data<float>(),
      .y_shape = batch.images.activation(),
      .y = batch.images.data<float>(),
      .y_labels = batch.labels.defined() ? batch.labels.data<std::int32_t>() : nullptr};
  OpScope scope(op, kernels::style_images_cost(args));
  backend(device).image_batch.style(current_stream(device), args);
  return batch;
}

}  // namespace engram
