#include "models/data/augment.h"

#include <algorithm>

#include "engine/sample_random.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

// Mirrors an index that is less than `extent` outside [0, extent) about the border elements.
dim_t reflect(dim_t i, dim_t extent) {
  if (i < 0) return -i;
  if (i >= extent) return 2 * extent - 2 - i;
  return i;
}

// One row: out[x] = table[row[x + dx]], black outside.
void shift_row(const std::uint8_t* row, dim_t width, dim_t dx, const float* table, float* out) {
  const dim_t begin = std::clamp<dim_t>(-dx, 0, width), end = std::clamp<dim_t>(width - dx, 0, width);
  std::fill(out, out + begin, table[0]);
  for (dim_t x = begin; x < end; ++x) out[x] = table[row[x + dx]];
  std::fill(out + end, out + width, table[0]);
}

// As above, and mirrored: out[x] = table[row[(width - 1 - x) + dx]].
void shift_row_flipped(const std::uint8_t* row, dim_t width, dim_t dx, const float* table, float* out) {
  const dim_t begin = std::clamp<dim_t>(dx, 0, width), end = std::clamp<dim_t>(width + dx, 0, width);
  const dim_t last = width - 1 + dx;
  std::fill(out, out + begin, table[0]);
  for (dim_t x = begin; x < end; ++x) out[x] = table[row[last - x]];
  std::fill(out + end, out + width, table[0]);
}

void reflect_row(const std::uint8_t* row, dim_t width, dim_t dx, bool flip, const float* table, float* out) {
  for (dim_t x = 0; x < width; ++x) {
    out[x] = table[row[reflect((flip ? width - 1 - x : x) + dx, width)]];
  }
}

}  // namespace

AugmentOptions standard_augmentation() {
  AugmentOptions options;
  options.padding = 4;
  options.flip_probability = 0.5f;
  return options;
}

void check_augmentation(const AugmentOptions& options, dim_t height, dim_t width) {
  const dim_t shorter = std::min(height, width);
  if (options.padding < 0 || options.padding >= shorter) {
    throw UsageError(message("[augment] expected padding 0..", shorter - 1, " for images of ", height, "x", width,
                             ", got ", options.padding));
  }
  if (!(options.flip_probability >= 0 && options.flip_probability <= 1)) {
    throw UsageError(message("[augment] expected a flip probability in [0, 1], got ", options.flip_probability));
  }
  if (options.cutout < 0 || options.cutout > 2 * std::max(height, width)) {
    throw UsageError(message("[augment] expected a cutout side 0..", 2 * std::max(height, width), " for images of ",
                             height, "x", width, ", got ", options.cutout));
  }
}

AugmentDraw draw_augmentation(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index, dim_t height,
                              dim_t width) {
  AugmentDraw draw;
  SampleRandom random(seed, RandomPurpose::kAugment, epoch, index);
  // Every quantity is drawn whether or not it is used, so that switching one on leaves the others as they were.
  const dim_t shifts = 2 * dim_t{options.padding} + 1;
  draw.dy = static_cast<int>(random.below(shifts)) - options.padding;
  draw.dx = static_cast<int>(random.below(shifts)) - options.padding;
  draw.flip = random.uniform() < options.flip_probability;
  const dim_t centre_y = random.below(height), centre_x = random.below(width);
  if (options.cutout > 0) {
    const dim_t top = centre_y - options.cutout / 2, left = centre_x - options.cutout / 2;
    draw.cut_top = static_cast<int>(std::max<dim_t>(top, 0));
    draw.cut_left = static_cast<int>(std::max<dim_t>(left, 0));
    draw.cut_bottom = static_cast<int>(std::clamp<dim_t>(top + options.cutout, 0, height));
    draw.cut_right = static_cast<int>(std::clamp<dim_t>(left + options.cutout, 0, width));
  }
  return draw;
}

NormalizationTable::NormalizationTable(const Normalization& normalization) {
  table_.resize(normalization.mean.size() * 256);
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    for (int v = 0; v < 256; ++v) {
      table_[c * 256 + v] = static_cast<float>((v / 255.0 - normalization.mean[c]) / normalization.std[c]);
    }
  }
}

void augment_image(const std::uint8_t* source, dim_t channels, dim_t height, dim_t width, const AugmentDraw& draw,
                   PadMode pad_mode, const NormalizationTable& table, float* out) {
  for (dim_t c = 0; c < channels; ++c) {
    const std::uint8_t* plane = source + c * height * width;
    const float* values = table.channel(c);
    for (dim_t y = 0; y < height; ++y) {
      float* row_out = out + (c * height + y) * width;
      const dim_t from = y + draw.dy;
      if (pad_mode == PadMode::kReflect) {
        reflect_row(plane + reflect(from, height) * width, width, draw.dx, draw.flip, values, row_out);
      } else if (from < 0 || from >= height) {
        std::fill(row_out, row_out + width, values[0]);
      } else if (draw.flip) {
        shift_row_flipped(plane + from * width, width, draw.dx, values, row_out);
      } else {
        shift_row(plane + from * width, width, draw.dx, values, row_out);
      }
    }
    for (dim_t y = draw.cut_top; y < draw.cut_bottom; ++y) {
      float* row_out = out + (c * height + y) * width;
      std::fill(row_out + draw.cut_left, row_out + draw.cut_right, 0.0f);
    }
  }
}

}  // namespace engram
