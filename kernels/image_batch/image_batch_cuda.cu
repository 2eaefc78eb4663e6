#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/divisor.cuh"
#include "kernels/image_batch/image_batch.h"
#include "kernels/image_batch/image_color.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Values of one thread of the gathering kernel, kThreads apart: a block makes one CIFAR image.
constexpr int kUnroll = 12;

/// The extents of a set. Its pointers are arguments of their own, so that the observer of a launch sees that they are
/// only read.
ImageSetView extents_of(ImageSetView set) {
  set.images = nullptr;
  set.labels = nullptr;
  return set;
}

__device__ __forceinline__ ImageSetView with_pointers(ImageSetView set, const std::uint8_t* images,
                                                      const std::int32_t* labels) {
  set.images = images;
  set.labels = labels;
  return set;
}

__device__ __forceinline__ bool is_missing(const ImageSetView& set, int index) {
  return index < 0 || index >= set.count;
}

/// The labels of image n, by the first threads of a block.
__device__ __forceinline__ void gather_labels(const ImageSetView& set, int index, dim_t n, dim_t images,
                                              std::int32_t* y) {
  if (y == nullptr) return;
  for (dim_t s = threadIdx.x; s < set.label_sets; s += kThreads)
    y[s * images + n] = is_missing(set, index) ? -1 : set.labels[s * set.count + index];
}

/// Channel and pixel of the values of an image, in the order in which y holds them.
struct ValueOrder {
  int w;
  bool planar;
  Divisor by_inner, by_w;  ///< inner: pixels of a plane, or channels of a pixel

  explicit ValueOrder(const ActivationShape& y)
      : w(int(y.w)), planar(y.block == 1), by_inner(planar ? y.pixels() : y.c), by_w(y.w) {}

  __device__ __forceinline__ void locate(int value, int& c, int& row, int& column) const {
    const int outer = int(by_inner.quotient(std::uint32_t(value)));
    const int inner = value - outer * int(by_inner.divisor());
    const int pixel = planar ? inner : outer;
    c = planar ? outer : inner;
    row = int(by_w.quotient(std::uint32_t(pixel)));
    column = pixel - row * w;
  }
};

/// A block makes kThreads * kUnroll neighbouring values of one image, so that every warp writes whole sectors. Bytes
/// become values by a table in shared memory: the bits are those that the host computed.
__global__ void __launch_bounds__(kThreads)
    gather_kernel(const std::uint8_t* stored, const std::int32_t* labels, ImageSetView extents,
                  const ImageSource* sources, const ImageHole* holes, int num_holes, const float* values, float* y,
                  std::int32_t* y_labels, ValueOrder order, Divisor by_tiles, int images, int image_values) {
  EMU_SHARED(float, table, [kMaxImageChannels * 256]);
  const ImageSetView set = with_pointers(extents, stored, labels);
  for (int i = int(threadIdx.x); i < int(set.c) * 256; i += kThreads) table[i] = values[i];
  __syncthreads();
  const int n = int(by_tiles.quotient(blockIdx.x)), tile = int(blockIdx.x) - n * int(by_tiles.divisor());
  const ImageSource source = sources[n];
  if (tile == 0) gather_labels(set, source.index, n, images, y_labels);
  const bool missing = is_missing(set, source.index);
  const std::uint8_t* const image = set.images + (missing ? 0 : dim_t(source.index)) * image_values;
  const int first = tile * (kThreads * kUnroll) + int(threadIdx.x);
#pragma unroll 4
  for (int u = 0; u < kUnroll; ++u) {
    const int value = first + u * kThreads;
    if (value >= image_values) break;
    int c, row, column;
    order.locate(value, c, row, column);
    const dim_t at = stored_pixel(set, row + source.dy, (source.flip ? order.w - 1 - column : column) + source.dx);
    const int byte = at < 0 || missing ? 0 : image[c * set.h * set.w + at];
    float result = table[c * 256 + byte];
    if (in_hole(holes + dim_t(n) * num_holes, num_holes, row, column)) result = 0.f;
    y[dim_t(n) * image_values + value] = missing ? __int_as_float(0x7fffffff) : result;
  }
}

/// Where the values of an image lie in y.
struct Strides {
  int channel, pixel;
};

__device__ __forceinline__ void put(float* y, const Strides& strides, Rgb color) {
  y[0] = color.r;
  y[strides.channel] = color.g;
  y[2 * strides.channel] = color.b;
}

/// One block an image: the mean that the contrast needs is the block's own. A thread reads again only what it wrote.
__global__ void __launch_bounds__(kThreads)
    style_kernel(const std::uint8_t* stored, const std::int32_t* labels, ImageSetView extents,
                 const ImageSource* sources, const ImageStyle* styles, const ImageHole* holes, int num_holes,
                 bool colours, const float* mean, const float* deviation, float* all, std::int32_t* y_labels,
                 Divisor by_w, Strides strides, int h, int images) {
  EMU_SHARED(float, scratch, [kThreads / kWarp]);
  const ImageSetView set = with_pointers(extents, stored, labels);
  const int n = int(blockIdx.x), w = int(by_w.divisor()), pixels = h * w, channels = int(set.c);
  const ImageSource source = sources[n];
  const ImageStyle style = styles[n];
  float* const y = all + dim_t(n) * channels * pixels;
  gather_labels(set, source.index, n, images, y_labels);
  const bool missing = is_missing(set, source.index);
  const std::uint8_t* const image = set.images + (missing ? 0 : dim_t(source.index)) * channels * set.h * set.w;
  const int contrast = contrast_position(style.order);
  float grey = 0;
  for (int p = int(threadIdx.x); p < pixels; p += kThreads) {
    const int row = int(by_w.quotient(std::uint32_t(p))), column = p - row * w;
    float v[kMaxImageChannels];
    resample(set, image, style, row, source.flip ? w - 1 - column : column, h, w, v);
    if (colours) {
      const Rgb color = recolored({v[0], v[1], v[2]}, style, 0, contrast);
      grey += grey_of(color);
      put(y + p * strides.pixel, strides, color);
    } else {
#pragma unroll
      for (int c = 0; c < int(kMaxImageChannels); ++c)
        if (c < channels) y[p * strides.pixel + c * strides.channel] = v[c];
    }
  }
  const float mean_grey = block_sum<kThreads>(grey, scratch) / float(pixels);
  for (int p = int(threadIdx.x); p < pixels; p += kThreads) {
    const int row = int(by_w.quotient(std::uint32_t(p))), column = p - row * w;
    float* const v = y + p * strides.pixel;
    if (colours)
      put(v, strides, finished({v[0], v[strides.channel], v[2 * strides.channel]}, style, contrast, mean_grey));
    const bool erased = in_hole(holes + dim_t(n) * num_holes, num_holes, row, column);
    for (int c = 0; c < channels; ++c) {
      const float value = (v[c * strides.channel] - mean[c]) / deviation[c];
      v[c * strides.channel] = missing ? __int_as_float(0x7fffffff) : erased ? 0.f : value;
    }
  }
}

void gather(Stream stream, const GatherImagesArgs& a) {
  if (a.y_shape.count() == 0) return;
  const dim_t image_values = a.y_shape.c * a.y_shape.pixels();
  require_32_bit("gather_images", image_values + kThreads * kUnroll);
  const dim_t tiles = ceil_div(image_values, kThreads * kUnroll);
  ENGRAM_LAUNCH(gather_kernel, grid_of(a.y_shape.n * tiles), kThreads, 0, stream, a.set.images, a.set.labels,
                extents_of(a.set), a.sources, a.holes, int(a.num_holes), a.values, a.y, a.y_labels,
                ValueOrder(a.y_shape), Divisor(tiles), int(a.y_shape.n), int(image_values));
}

void style(Stream stream, const StyleImagesArgs& a) {
  if (a.y_shape.count() == 0) return;
  require_32_bit("style_images", a.y_shape.c * a.y_shape.pixels());
  const Strides strides = {a.y_shape.block == 1 ? int(a.y_shape.pixels()) : 1, int(a.y_shape.block)};
  ENGRAM_LAUNCH(style_kernel, grid_of(a.y_shape.n), kThreads, 0, stream, a.set.images, a.set.labels, extents_of(a.set),
                a.sources, a.styles, a.holes, int(a.num_holes), a.colours, a.mean, a.deviation, a.y, a.y_labels,
                Divisor(a.y_shape.w), strides, int(a.y_shape.h), int(a.y_shape.n));
}

}  // namespace

const ImageBatchKernels kCudaImageBatch = {gather, style};

}  // namespace engram::kernels
