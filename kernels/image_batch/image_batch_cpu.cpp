#include <algorithm>
#include <limits>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/image_batch/image_batch.h"
#include "kernels/image_batch/image_color.h"

namespace engram::kernels {
namespace {

/// One channel of one image: stored bytes to values.
struct PlaneTask {
  const std::uint8_t* plane;
  const float* values;  ///< [256]
  float* y;
  dim_t h, w, stride;  ///< stride: from one pixel of y to the next
  ImageSource source;
  bool reflect;
};

/// y[x] = values[row[first + step x]] for x in [begin, end).
ENGRAM_ALWAYS_INLINE void look_up(const PlaneTask& t, const std::uint8_t* row, float* y, dim_t first, dim_t step,
                                  dim_t begin, dim_t end) {
  if (t.stride == 1) {
    for (dim_t x = begin; x < end; ++x) y[x] = t.values[row[first + step * x]];
  } else {
    for (dim_t x = begin; x < end; ++x) y[x * t.stride] = t.values[row[first + step * x]];
  }
}

/// y[x] for x in [begin, end), which lie outside the stored row: black, or the mirror image of the row.
ENGRAM_ALWAYS_INLINE void fill_outside(const PlaneTask& t, const std::uint8_t* row, float* y, dim_t first, dim_t step,
                                       dim_t begin, dim_t end) {
  for (dim_t x = begin; x < end; ++x)
    y[x * t.stride] = t.values[t.reflect ? row[reflected(int(first + step * x), int(t.w))] : 0];
}

ENGRAM_MULTIVERSION void gather_plane(const PlaneTask& t) {
  const dim_t step = t.source.flip ? -1 : 1, first = (t.source.flip ? t.w - 1 : 0) + t.source.dx;
  // Results that lie inside the stored row: those of a mirrored image run the other way.
  const dim_t inside_begin = t.source.flip ? first - (t.w - 1) : -first;
  const dim_t inside_end = t.source.flip ? first + 1 : t.w - first;
  const dim_t begin = std::clamp<dim_t>(inside_begin, 0, t.w), end = std::clamp<dim_t>(inside_end, begin, t.w);
  for (dim_t line = 0; line < t.h; ++line) {
    float* const y = t.y + line * t.w * t.stride;
    const dim_t from = line + t.source.dy;
    if (!t.reflect && (from < 0 || from >= t.h)) {
      for (dim_t x = 0; x < t.w; ++x) y[x * t.stride] = t.values[0];
      continue;
    }
    const std::uint8_t* const row = t.plane + reflected(int(from), int(t.h)) * t.w;
    fill_outside(t, row, y, first, step, 0, begin);
    look_up(t, row, y, first, step, begin, end);
    fill_outside(t, row, y, first, step, end, t.w);
  }
}

/// Where the values of y lie: channel c of pixel p of image n is at n * image + c * channel + p * pixel.
struct Strides {
  dim_t image, channel, pixel;

  explicit Strides(const ActivationShape& s)
      : image(s.c * s.pixels()), channel(s.block == 1 ? s.pixels() : 1), pixel(s.block) {}
};

void erase_plane(float* y, const Strides& strides, dim_t h, dim_t w, const ImageHole* holes, dim_t num_holes) {
  for (dim_t i = 0; i < num_holes; ++i) {
    const dim_t bottom = std::min<dim_t>(holes[i].bottom, h), right = std::min<dim_t>(holes[i].right, w);
    for (dim_t row = std::max(holes[i].top, 0); row < bottom; ++row)
      for (dim_t x = std::max(holes[i].left, 0); x < right; ++x) y[(row * w + x) * strides.pixel] = 0;
  }
}

bool is_missing(const ImageSetView& set, dim_t index) {
  return index < 0 || index >= set.count;
}

void gather_labels(const ImageSetView& set, const ImageSource* sources, dim_t n, std::int32_t* y) {
  if (!y) return;
  for (dim_t s = 0; s < set.label_sets; ++s)
    for (dim_t i = 0; i < n; ++i)
      y[s * n + i] = is_missing(set, sources[i].index) ? -1 : set.labels[s * set.count + sources[i].index];
}

void gather(Stream, const GatherImagesArgs& a) {
  const ImageSetView& set = a.set;
  const Strides strides(a.y_shape);
  const dim_t pixels = set.h * set.w;
  parallel_for(a.y_shape.n * set.c, pixels, [&](dim_t i) {
    const dim_t n = i / set.c, c = i % set.c;
    float* const y = a.y + n * strides.image + c * strides.channel;
    const ImageSource& source = a.sources[n];
    if (is_missing(set, source.index)) {
      for (dim_t p = 0; p < pixels; ++p) y[p * strides.pixel] = std::numeric_limits<float>::quiet_NaN();
      return;
    }
    gather_plane({.plane = set.images + (source.index * set.c + c) * pixels,
                  .values = a.values + c * 256,
                  .y = y,
                  .h = set.h,
                  .w = set.w,
                  .stride = strides.pixel,
                  .source = source,
                  .reflect = set.reflect});
    erase_plane(y, strides, set.h, set.w, a.holes + n * a.num_holes, a.num_holes);
  });
  gather_labels(set, a.sources, a.y_shape.n, a.y_labels);
}

/// One image of a styled batch.
class StyledImage {
 public:
  StyledImage(const StyleImagesArgs& args, dim_t n)
      : a_(args),
        strides_(args.y_shape),
        h_(int(args.y_shape.h)),
        w_(int(args.y_shape.w)),
        source_(args.sources[n]),
        style_(args.styles[n]),
        holes_(args.holes + n * args.num_holes),
        y_(args.y + n * strides_.image) {}

  void make() {
    if (is_missing(a_.set, source_.index)) {
      std::fill_n(y_, strides_.image, std::numeric_limits<float>::quiet_NaN());
      return;
    }
    const int contrast = contrast_position(style_.order);
    const float mean = resample_all(contrast);
    for_pixels([&](int y, int x, float* v) { finish_pixel(y, x, v, contrast, mean); });
  }

 private:
  template <class F>
  void for_pixels(const F& f) {
    for (int y = 0; y < h_; ++y)
      for (int x = 0; x < w_; ++x) f(y, x, y_ + (dim_t(y) * w_ + x) * strides_.pixel);
  }

  /// The image in [0, 1] with the changes before the contrast; returns its mean grey.
  float resample_all(int contrast) {
    const std::uint8_t* const image = a_.set.images + source_.index * strides_stored();
    double grey = 0;
    for_pixels([&](int y, int x, float* out) {
      float v[kMaxImageChannels];
      resample(a_.set, image, style_, y, source_.flip ? w_ - 1 - x : x, h_, w_, v);
      if (a_.colours) {
        const Rgb color = recolored({v[0], v[1], v[2]}, style_, 0, contrast);
        grey += grey_of(color);
        put(out, color);
        return;
      }
      for (dim_t c = 0; c < a_.set.c; ++c) out[c * strides_.channel] = v[c];
    });
    return float(grey / (double(h_) * w_));
  }

  void finish_pixel(int y, int x, float* v, int contrast, float mean) {
    const dim_t channel = strides_.channel;
    if (a_.colours) put(v, finished({v[0], v[channel], v[2 * channel]}, style_, contrast, mean));
    const bool erased = in_hole(holes_, a_.num_holes, y, x);
    for (dim_t c = 0; c < a_.set.c; ++c) {
      float& value = v[c * channel];
      value = erased ? 0.f : (value - a_.mean[c]) / a_.deviation[c];
    }
  }

  void put(float* out, Rgb color) const {
    out[0] = color.r;
    out[strides_.channel] = color.g;
    out[2 * strides_.channel] = color.b;
  }

  dim_t strides_stored() const { return a_.set.c * a_.set.h * a_.set.w; }

  const StyleImagesArgs& a_;
  const Strides strides_;
  const int h_, w_;
  const ImageSource& source_;
  const ImageStyle& style_;
  const ImageHole* const holes_;
  float* const y_;
};

void style(Stream, const StyleImagesArgs& a) {
  constexpr dim_t kWorkPerPixel = 50;
  parallel_for(a.y_shape.n, a.y_shape.pixels() * kWorkPerPixel, [&](dim_t n) { StyledImage(a, n).make(); });
  gather_labels(a.set, a.sources, a.y_shape.n, a.y_labels);
}

/// Sources, holes and labels.
Cost small_operands(const ImageSetView& set, dim_t n, dim_t num_holes, bool labels) {
  const dim_t label_bytes = labels ? 4 * n * set.label_sets : 0;
  return {n * dim_t(sizeof(ImageSource)) + n * num_holes * dim_t(sizeof(ImageHole)) + label_bytes, label_bytes, 0};
}

}  // namespace

Cost gather_images_cost(const GatherImagesArgs& a) {
  Cost cost = small_operands(a.set, a.y_shape.n, a.num_holes, a.y_labels != nullptr);
  cost += {a.y_shape.count() + 4 * 256 * a.set.c, 4 * a.y_shape.count(), 0};
  return cost;
}

Cost style_images_cost(const StyleImagesArgs& a) {
  const dim_t count = a.y_shape.count(), pixels = a.y_shape.n * a.y_shape.pixels();
  Cost cost = small_operands(a.set, a.y_shape.n, a.num_holes, a.y_labels != nullptr);
  cost += {a.y_shape.n * (a.set.c * a.set.h * a.set.w + dim_t(sizeof(ImageStyle))) + 4 * count, 8 * count,
           60 * count + (a.colours ? 100 * pixels : 0)};
  return cost;
}

const ImageBatchKernels kCpuImageBatch = {gather, style};

}  // namespace engram::kernels
