#include "models/methods/metrics/channel_statistics.h"

#include <cmath>

#include "kernels/common/error.h"

namespace engram {
namespace {

/// Exact sums of bytes: below 2^63 for any set that memory holds.
struct ByteSums {
  dim_t images = 0;
  std::vector<std::int64_t> first, second;
};

void add_image(ByteSums& sums, const ImageDataset& set, dim_t index) {
  const dim_t pixels = set.height * set.width;
  sums.first.resize(std::size_t(set.channels));
  sums.second.resize(std::size_t(set.channels));
  ++sums.images;
  for (dim_t c = 0; c < set.channels; ++c) {
    const std::uint8_t* plane = set.image(index) + c * pixels;
    std::int64_t first = 0, second = 0;
    for (dim_t i = 0; i < pixels; ++i) {
      first += plane[i];
      second += std::int64_t(plane[i]) * plane[i];
    }
    sums.first[std::size_t(c)] += first;
    sums.second[std::size_t(c)] += second;
  }
}

ChannelStatistics statistics_of(const ByteSums& sums, const ImageDataset& set) {
  ChannelStatistics result{.images = sums.images, .mean = {}, .deviation = {}};
  const double count = double(sums.images * set.height * set.width);
  for (std::size_t c = 0; c < sums.first.size(); ++c) {
    const double mean = double(sums.first[c]) / count;
    const double variance = double(sums.second[c]) / count - mean * mean;
    result.mean.push_back(mean / 255);
    result.deviation.push_back(std::sqrt(std::max(0., variance)) / 255);
  }
  return result;
}

}  // namespace

ChannelStatistics channel_statistics(const ImageDataset& images) {
  ByteSums sums;
  for (dim_t i = 0; i < images.count; ++i) add_image(sums, images, i);
  return statistics_of(sums, images);
}

std::vector<ChannelStatistics> class_channel_statistics(const ImageDataset& images) {
  std::vector<ByteSums> sums(static_cast<std::size_t>(images.num_classes));
  for (dim_t i = 0; i < images.count; ++i) add_image(sums[std::size_t(images.labels[std::size_t(i)])], images, i);
  std::vector<ChannelStatistics> result;
  for (const ByteSums& one : sums) result.push_back(statistics_of(one, images));
  return result;
}

double class_color_distance(const std::vector<ChannelStatistics>& a, const std::vector<ChannelStatistics>& b) {
  double sum = 0;
  dim_t values = 0;
  for (std::size_t c = 0; c < std::min(a.size(), b.size()); ++c) {
    if (a[c].images == 0 || b[c].images == 0) continue;
    if (a[c].mean.size() != b[c].mean.size())
      throw DataError(
          message("[class_color_distance] expected images of ", a[c].mean.size(), " channels, got ", b[c].mean.size()));
    for (std::size_t channel = 0; channel < a[c].mean.size(); ++channel, ++values)
      sum += std::abs(a[c].mean[channel] - b[c].mean[channel]);
  }
  if (values == 0) throw DataError("[class_color_distance] expected a class with images in both sets, got none");
  return sum / double(values);
}

}  // namespace engram
