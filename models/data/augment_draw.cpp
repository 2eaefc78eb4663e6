#include "models/data/augment_draw.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/sample_random.h"
#include "kernels/image_batch/image_color.h"
#include "models/data/random_operations.h"

namespace engram {
namespace {

using kernels::ImageHole;
using kernels::ImageSource;
using kernels::ImageStyle;

ByteImage moved(const kernels::ImageSetView& set, const ImageSource& move) {
  ByteImage image{{}, set.c, set.h, set.w};
  image.pixels.resize(std::size_t(set.c * set.h * set.w));
  const std::uint8_t* const stored = set.images + move.index * dim_t(image.pixels.size());
  for (int y = 0; y < set.h; ++y)
    for (int x = 0; x < set.w; ++x) {
      const dim_t at = stored_pixel(set, y + move.dy, (move.flip ? int(set.w) - 1 - x : x) + move.dx);
      for (dim_t c = 0; c < set.c; ++c) image.plane(c)[y * set.w + x] = at < 0 ? 0 : stored[c * set.h * set.w + at];
    }
  return image;
}

double uniform(SampleRandom& random, double low, double high) {
  return low + (high - low) * double(random.uniform());
}

/// A square of this side around a uniform centre, clipped.
ImageHole draw_hole(SampleRandom& random, dim_t side, dim_t height, dim_t width) {
  const dim_t top = random.below(height) - side / 2, left = random.below(width) - side / 2;
  return {.top = std::int32_t(std::max<dim_t>(top, 0)),
          .left = std::int32_t(std::max<dim_t>(left, 0)),
          .bottom = std::int32_t(std::clamp<dim_t>(top + side, 0, height)),
          .right = std::int32_t(std::clamp<dim_t>(left + side, 0, width))};
}

/// The largest crop in the middle whose ratio is allowed: where no draw fits the image.
void crop_middle(const ResizedCropOptions& crop, dim_t height, dim_t width, ImageStyle& style) {
  const double ratio = std::clamp(double(width) / double(height), crop.min_ratio, crop.max_ratio);
  style.width = std::int32_t(std::min<dim_t>(width, std::lround(double(height) * ratio)));
  style.height = std::int32_t(std::min<dim_t>(height, std::lround(double(width) / ratio)));
  style.top = std::int32_t(height - style.height) / 2;
  style.left = std::int32_t(width - style.width) / 2;
}

void draw_crop(const ResizedCropOptions& crop, SampleRandom& random, dim_t height, dim_t width, ImageStyle& style) {
  constexpr int kAttempts = 10;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double area = double(height * width) * uniform(random, crop.min_area, crop.max_area);
    const double ratio = std::exp(uniform(random, std::log(crop.min_ratio), std::log(crop.max_ratio)));
    const dim_t w = std::lround(std::sqrt(area * ratio)), h = std::lround(std::sqrt(area / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    style.height = std::int32_t(h);
    style.width = std::int32_t(w);
    style.top = std::int32_t(random.below(height - h + 1));
    style.left = std::int32_t(random.below(width - w + 1));
    return;
  }
  crop_middle(crop, height, width, style);
}

float draw_factor(SampleRandom& random, double strength) {
  return float(uniform(random, std::max(0.0, 1 - strength), 1 + strength));
}

void draw_colors(const AugmentOptions& options, SampleRandom& random, ImageStyle& style) {
  const ColorJitterOptions& color = options.color;
  int order[] = {0, 1, 2, 3};
  for (int i = 3; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  style.order = order[0] | order[1] << 4 | order[2] << 8 | order[3] << 12;
  style.brightness = draw_factor(random, color.brightness);
  style.contrast = draw_factor(random, color.contrast);
  style.saturation = draw_factor(random, color.saturation);
  style.hue = float(uniform(random, -color.hue, color.hue));
  style.grey = random.uniform() < options.grey_probability;
}

}  // namespace

ImageSource draw_move(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index, dim_t height,
                      dim_t width, std::span<ImageHole> holes) {
  SampleRandom random(seed, RandomPurpose::kAugment, epoch, index);
  // Every quantity is drawn whether or not it is used, so that switching one on leaves the others as they were.
  const dim_t shifts = 2 * dim_t{options.padding} + 1;
  ImageSource source;
  source.index = std::int32_t(index);
  source.dy = std::int32_t(random.below(shifts)) - options.padding;
  source.dx = std::int32_t(random.below(shifts)) - options.padding;
  source.flip = random.uniform() < options.flip_probability;
  for (ImageHole& hole : holes) hole = draw_hole(random, options.cutout, height, width);
  return source;
}

ImageStyle draw_style(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index, dim_t height,
                      dim_t width, const ImageSource& source) {
  ImageStyle style;
  style.top = source.dy;
  style.left = source.dx;
  style.height = std::int32_t(height);
  style.width = std::int32_t(width);
  if (options.crop.min_area > 0) {
    SampleRandom random(seed, RandomPurpose::kCrop, epoch, index);
    draw_crop(options.crop, random, height, width, style);
  }
  if (changes_colors(options)) {
    SampleRandom random(seed, RandomPurpose::kColor, epoch, index);
    draw_colors(options, random, style);
  }
  return style;
}

ByteImage draw_bytes(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, const kernels::ImageSetView& set,
                     const ImageSource& move) {
  ByteImage image = moved(set, move);
  if (options.rotation > 0) {
    SampleRandom random(seed, RandomPurpose::kRotation, epoch, move.index);
    rotate(image, uniform(random, -options.rotation, options.rotation));
  }
  if (options.operations > 0) {
    SampleRandom random(seed, RandomPurpose::kOperations, epoch, move.index);
    apply_random_operations(image, options.operations, random);
  }
  return image;
}

}  // namespace engram
