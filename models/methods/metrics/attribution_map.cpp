#include "models/methods/metrics/attribution_map.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"

namespace engram {
namespace {

/// Where an output pixel lies between two input pixels.
struct Between {
  dim_t low, high;
  float share;  ///< of the higher one
};

std::vector<Between> places(dim_t from, dim_t to) {
  std::vector<Between> result;
  for (dim_t i = 0; i < to; ++i) {
    const double at = std::max(0.0, (double(i) + 0.5) * double(from) / double(to) - 0.5);
    const dim_t low = std::min(dim_t(at), from - 1);
    result.push_back({low, std::min(low + 1, from - 1), float(at - double(low))});
  }
  return result;
}

}  // namespace

Tensor channel_mask(const ChannelRange& range, dim_t channels, const Device& device) {
  const dim_t last = range.last == 0 ? channels : range.last;
  if (range.first < 0 || range.first >= last || last > channels)
    throw UsageError(
        message("[channel_mask] expected a range of the ", channels, " channels, got [", range.first, ", ", last, ")"));
  std::vector<float> mask(std::size_t(channels), 0.f);
  std::fill(mask.begin() + range.first, mask.begin() + last, 1.f);
  return Tensor::from(mask, {channels}, device);
}

Tensor normalized_images(const Tensor& grey_levels, const Normalization& normalization) {
  const dim_t channels = dim_t(normalization.mean.size());
  if (grey_levels.rank() != 4 || grey_levels.dim(1) != channels)
    throw ShapeError(
        message("[normalized_images] expected images of ", channels, " channels, got ", grey_levels.describe()));
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    scale.push_back(1 / (255 * normalization.std[c]));
    shift.push_back(-normalization.mean[c] / normalization.std[c]);
  }
  const auto of_channels = [&](const std::vector<float>& values) {
    return reshape(Tensor::from(values, {channels}, grey_levels.device()), {1, channels, 1, 1});
  };
  return add(mul(grey_levels, of_channels(scale)), of_channels(shift));
}

Tensor enlarge_maps(const Tensor& maps, dim_t height, dim_t width) {
  if (maps.rank() != 3 || maps.dim(1) < 1 || maps.dim(2) < 1 || height < 1 || width < 1)
    throw ShapeError(message("[enlarge_maps] expected maps [n,h,w] of at least a pixel, and an extent of one, got ",
                             maps.describe(), " and ", height, "x", width));
  const dim_t n = maps.dim(0), h = maps.dim(1), w = maps.dim(2);
  const std::vector<float> from = maps.detach().to_vector();
  const std::vector<Between> rows = places(h, height), columns = places(w, width);
  std::vector<float> to;
  to.reserve(std::size_t(n * height * width));
  for (dim_t i = 0; i < n; ++i)
    for (const Between& r : rows)
      for (const Between& c : columns) {
        const float* map = from.data() + i * h * w;
        const auto at = [&](dim_t row) {
          return map[row * w + c.low] * (1 - c.share) + map[row * w + c.high] * c.share;
        };
        to.push_back(at(r.low) * (1 - r.share) + at(r.high) * r.share);
      }
  return Tensor::from(to, {n, height, width});
}

}  // namespace engram
