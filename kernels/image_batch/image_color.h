#pragma once
/// Colours of one pixel and weights of one resampling, shared by the CPU's and the CUDA kernels. The formulas are
/// stated in image_batch.h.

#include "kernels/common/inline.h"
#include "kernels/image_batch/image_batch.h"

namespace engram::kernels {

/// Red, green and blue in [0, 1].
struct Rgb {
  float r, g, b;
};

ENGRAM_HOST_DEVICE inline float cut_to_unit(float v) {
  return v < 0.f ? 0.f : v > 1.f ? 1.f : v;
}

ENGRAM_HOST_DEVICE inline float grey_of(Rgb v) {
  return 0.2989f * v.r + 0.587f * v.g + 0.114f * v.b;
}

/// The blend of an image and one value, cut to [0, 1].
ENGRAM_HOST_DEVICE inline Rgb blended(Rgb v, float other, float factor) {
  const float rest = (1.f - factor) * other;
  return {cut_to_unit(factor * v.r + rest), cut_to_unit(factor * v.g + rest), cut_to_unit(factor * v.b + rest)};
}

/// The hue in [0, 1) of a colour whose channels are not all equal.
ENGRAM_HOST_DEVICE inline float hue_of(Rgb v, float largest, float spread) {
  const float sixth = v.r == largest   ? (v.g - v.b) / spread
                      : v.g == largest ? 2.f + (v.b - v.r) / spread
                                       : 4.f + (v.r - v.g) / spread;
  return sixth < 0.f ? sixth / 6.f + 1.f : sixth / 6.f;
}

/// The colour of hue h in [0, 1), saturation s and value v: one of six linear pieces.
ENGRAM_HOST_DEVICE inline Rgb color_of(float h, float s, float v) {
  const int piece = int(h * 6.f);
  const float f = h * 6.f - float(piece);
  const float p = cut_to_unit(v * (1.f - s)), q = cut_to_unit(v * (1.f - s * f));
  const float t = cut_to_unit(v * (1.f - s * (1.f - f)));
  switch (piece) {
    case 1:
      return {q, v, p};
    case 2:
      return {p, v, t};
    case 3:
      return {p, q, v};
    case 4:
      return {t, p, v};
    case 5:
      return {v, p, q};
    default:  // 0, and 6 where h rounds to 1
      return {v, t, p};
  }
}

ENGRAM_HOST_DEVICE inline Rgb hue_shifted(Rgb v, float shift) {
  const float rg_high = v.r > v.g ? v.r : v.g, rg_low = v.r < v.g ? v.r : v.g;
  const float largest = rg_high > v.b ? rg_high : v.b, least = rg_low < v.b ? rg_low : v.b;
  const float spread = largest - least;
  if (spread == 0.f) return v;  // grey has no hue
  float hue = hue_of(v, largest, spread) + shift;
  hue = hue < 0.f ? hue + 1.f : hue >= 1.f ? hue - 1.f : hue;
  return color_of(hue, spread / largest, largest);
}

/// The position of the contrast in an order of the four changes.
ENGRAM_HOST_DEVICE inline int contrast_position(int order) {
  int position = 0;
  while (position < 3 && (order >> 4 * position & 15) != 1) ++position;
  return position;
}

/// The changes at the positions [first, last) of the style's order, none of which is the contrast.
ENGRAM_HOST_DEVICE inline Rgb recolored(Rgb v, const ImageStyle& style, int first, int last) {
  for (int i = first; i < last; ++i) {
    const int change = style.order >> 4 * i & 15;
    if (change == 0) v = blended(v, 0.f, style.brightness);
    if (change == 2) v = blended(v, grey_of(v), style.saturation);
    if (change == 3) v = hue_shifted(v, style.hue);
  }
  return v;
}

/// The colour after the contrast, whose other image is `mean` everywhere.
ENGRAM_HOST_DEVICE inline Rgb finished(Rgb v, const ImageStyle& style, int contrast, float mean) {
  v = recolored(blended(v, mean, style.contrast), style, contrast + 1, 4);
  if (style.grey == 0) return v;
  const float grey = grey_of(v);
  return {grey, grey, grey};
}

/// The stored pixels of one axis behind a result pixel, with the weight of each.
struct Taps {
  int begin, end;  ///< of the crop
  float center, reach;
  float per_reach;  ///< 1 / reach: a division is a call on a GPU, around which registers are spilled

  /// Of result pixel `i` of `result`, from `crop` stored ones.
  ENGRAM_HOST_DEVICE Taps(int i, int crop, int result) {
    const float scale = float(crop) / float(result);
    reach = scale > 1.f ? scale : 1.f;
    per_reach = 1.f / reach;
    center = (float(i) + 0.5f) * scale;
    begin = int(center - reach + 0.5f);
    end = int(center + reach + 0.5f);
    if (begin < 0) begin = 0;
    if (end > crop) end = crop;
  }
  ENGRAM_HOST_DEVICE float weight(int j) const {
    const float distance = (float(j) + 0.5f - center) * per_reach;
    const float height = 1.f - (distance < 0.f ? -distance : distance);
    return height > 0.f ? height : 0.f;
  }
};

/// Mirrors an index about the border elements; indices too far outside stop at the border.
ENGRAM_HOST_DEVICE inline int reflected(int i, int extent) {
  if (i < 0) i = -i;
  if (i >= extent) i = 2 * (extent - 1) - i;
  return i < 0 ? 0 : i;
}

/// Offset of a stored pixel in its plane, or -1 for the black outside.
ENGRAM_HOST_DEVICE inline dim_t stored_pixel(const ImageSetView& set, int y, int x) {
  const bool inside = y >= 0 && y < int(set.h) && x >= 0 && x < int(set.w);
  if (inside) return dim_t(y) * set.w + x;
  return set.reflect ? dim_t(reflected(y, int(set.h))) * set.w + reflected(x, int(set.w)) : -1;
}

/// Whether a pixel of the result lies in one of the holes.
ENGRAM_HOST_DEVICE inline bool in_hole(const ImageHole* holes, dim_t num_holes, int y, int x) {
  for (dim_t i = 0; i < num_holes; ++i)
    if (y >= holes[i].top && y < holes[i].bottom && x >= holes[i].left && x < holes[i].right) return true;
  return false;
}

/// Resamples result pixel (y, x) of every channel into `v`: bytes as [0, 1].
ENGRAM_HOST_DEVICE inline void resample(const ImageSetView& set, const std::uint8_t* image, const ImageStyle& style,
                                        int y, int x, int out_h, int out_w, float* v) {
  const Taps rows(y, style.height, out_h), columns(x, style.width, out_w);
  float sum[kMaxImageChannels] = {}, total = 0;
  for (int i = rows.begin; i < rows.end; ++i) {
    for (int j = columns.begin; j < columns.end; ++j) {
      const float weight = rows.weight(i) * columns.weight(j);
      const dim_t at = stored_pixel(set, style.top + i, style.left + j);
      total += weight;
      if (at < 0) continue;
      for (int c = 0; c < int(set.c); ++c) sum[c] += weight * float(image[c * set.h * set.w + at]);
    }
  }
  const float scale = 1.f / (255.f * total);
  for (int c = 0; c < int(set.c); ++c) v[c] = cut_to_unit(sum[c] * scale);
}

}  // namespace engram::kernels
