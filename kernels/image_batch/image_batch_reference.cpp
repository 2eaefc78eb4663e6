#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/image_batch/image_batch.h"

namespace engram::kernels::reference {
namespace {

dim_t mirrored(dim_t i, dim_t extent) {
  if (i < 0) i = -i;
  return i >= extent ? std::max<dim_t>(0, 2 * extent - 2 - i) : i;
}

/// The stored byte of a pixel that may lie outside.
int stored_byte(const ImageSetView& set, dim_t image, dim_t c, dim_t y, dim_t x) {
  if (set.reflect) {
    y = mirrored(y, set.h);
    x = mirrored(x, set.w);
  }
  if (y < 0 || y >= set.h || x < 0 || x >= set.w) return 0;
  return set.images[((image * set.c + c) * set.h + y) * set.w + x];
}

void erase(double* image, const ActivationShape& shape, const ImageHole* holes, dim_t num_holes) {
  for (dim_t i = 0; i < num_holes; ++i)
    for (dim_t c = 0; c < shape.c; ++c)
      for (dim_t y = holes[i].top; y < holes[i].bottom; ++y)
        for (dim_t x = holes[i].left; x < holes[i].right; ++x) image[(c * shape.h + y) * shape.w + x] = 0;
}

/// Weights of the stored pixels of one axis.
std::vector<double> triangle_weights(dim_t i, dim_t crop, dim_t result) {
  const double scale = double(crop) / double(result), reach = std::max(scale, 1.0), center = (double(i) + 0.5) * scale;
  std::vector<double> weights(std::size_t(crop), 0.0);
  double total = 0;
  for (dim_t j = 0; j < crop; ++j) {
    weights[std::size_t(j)] = std::max(0.0, 1 - std::abs(double(j) + 0.5 - center) / reach);
    total += weights[std::size_t(j)];
  }
  for (double& w : weights) w /= total;
  return weights;
}

using Color = std::array<double, 3>;

double grey_value(const Color& v) {
  return 0.2989 * v[0] + 0.587 * v[1] + 0.114 * v[2];
}

Color mixed(const Color& v, double other, double factor) {
  Color out;
  for (int c = 0; c < 3; ++c) out[c] = std::clamp(factor * v[c] + (1 - factor) * other, 0.0, 1.0);
  return out;
}

Color with_hue(const Color& v, double shift) {
  const double high = *std::max_element(v.begin(), v.end()), low = *std::min_element(v.begin(), v.end());
  if (high == low) return v;
  double sixth = 0;
  if (v[0] == high)
    sixth = (v[1] - v[2]) / (high - low);
  else if (v[1] == high)
    sixth = 2 + (v[2] - v[0]) / (high - low);
  else
    sixth = 4 + (v[0] - v[1]) / (high - low);
  const double hue = sixth + 6 * shift;
  // Every channel is the value less a trapezoid in the hue's distance from it.
  Color out;
  for (int c = 0; c < 3; ++c) {
    const double turn = std::fmod(hue + 5 - 2 * c + 12, 6);
    out[c] = high - (high - low) * std::clamp(std::min(turn, 4 - turn), 0.0, 1.0);
  }
  return out;
}

void recolor(std::vector<Color>& pixels, const ImageStyle& style) {
  for (int i = 0; i < 4; ++i) {
    const int change = style.order >> 4 * i & 15;
    double mean = 0;
    for (const Color& v : pixels) mean += grey_value(v) / double(pixels.size());
    for (Color& v : pixels) {
      if (change == 0) v = mixed(v, 0, style.brightness);
      if (change == 1) v = mixed(v, mean, style.contrast);
      if (change == 2) v = mixed(v, grey_value(v), style.saturation);
      if (change == 3) v = with_hue(v, style.hue);
    }
  }
  if (style.grey)
    for (Color& v : pixels) v.fill(grey_value(v));
}

bool is_missing(const ImageSetView& set, dim_t index, double* y, dim_t values) {
  if (index >= 0 && index < set.count) return false;
  std::fill_n(y, values, std::numeric_limits<double>::quiet_NaN());
  return true;
}

}  // namespace

void gather_images(const GatherImagesArgs& a, double* y) {
  const auto& [n, channels, h, w, block] = a.y_shape;
  for (dim_t i = 0; i < n; ++i) {
    const ImageSource& s = a.sources[i];
    double* const image = y + i * channels * h * w;
    if (is_missing(a.set, s.index, image, channels * h * w)) continue;
    for (dim_t c = 0; c < channels; ++c)
      for (dim_t row = 0; row < h; ++row)
        for (dim_t x = 0; x < w; ++x) {
          const dim_t column = (s.flip ? w - 1 - x : x) + s.dx;
          image[(c * h + row) * w + x] = a.values[c * 256 + stored_byte(a.set, s.index, c, row + s.dy, column)];
        }
    erase(image, a.y_shape, a.holes + i * a.num_holes, a.num_holes);
  }
}

void style_images(const StyleImagesArgs& a, double* y) {
  const auto& [n, channels, h, w, block] = a.y_shape;
  for (dim_t i = 0; i < n; ++i) {
    const ImageStyle& style = a.styles[i];
    double* const image = y + i * channels * h * w;
    if (is_missing(a.set, a.sources[i].index, image, channels * h * w)) continue;
    std::vector<Color> pixels(std::size_t(h * w), Color{});
    for (dim_t row = 0; row < h; ++row)
      for (dim_t x = 0; x < w; ++x) {
        const auto rows = triangle_weights(row, style.height, h), columns = triangle_weights(x, style.width, w);
        const dim_t landing = row * w + (a.sources[i].flip ? w - 1 - x : x);
        for (dim_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (dim_t j = 0; j < style.height; ++j)
            for (dim_t k = 0; k < style.width; ++k)
              sum += rows[std::size_t(j)] * columns[std::size_t(k)] *
                     stored_byte(a.set, a.sources[i].index, c, style.top + j, style.left + k);
          if (a.colours)
            pixels[std::size_t(landing)][std::size_t(c)] = sum / 255;
          else
            image[c * h * w + landing] = sum / 255;
        }
      }
    if (a.colours) {
      recolor(pixels, style);
      for (dim_t c = 0; c < channels; ++c)
        for (dim_t p = 0; p < h * w; ++p) image[c * h * w + p] = pixels[std::size_t(p)][std::size_t(c)];
    }
    for (dim_t c = 0; c < channels; ++c)
      for (dim_t p = 0; p < h * w; ++p)
        image[c * h * w + p] = (image[c * h * w + p] - double(a.mean[c])) / double(a.deviation[c]);
    erase(image, a.y_shape, a.holes + i * a.num_holes, a.num_holes);
  }
}

}  // namespace engram::kernels::reference
