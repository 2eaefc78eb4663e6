#include "apps/common/classifier_images.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>

#include "apps/common/data_settings.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/text_format.h"
#include "models/data/class_matching.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"

namespace engram::apps {
namespace {

constexpr dim_t kImagesLookedAt = 1000;
// Wide enough for classifiers that take bytes / 255 as they are, and for sets of a few images.
constexpr double kLargestMean = 1, kSmallestDeviation = 0.15, kLargestDeviation = 4;

struct ChannelMoments {
  double mean, deviation;
};

/// Of a channel's values as the network gets them.
ChannelMoments moments_of(const ImageDataset& data, const Normalization& normalization, dim_t channel) {
  const dim_t area = data.height * data.width;
  double sum = 0, squares = 0;
  for (dim_t i = 0; i < data.count; ++i) {
    const std::uint8_t* const pixels = data.image(i) + channel * area;
    std::int64_t own = 0, own_squares = 0;
    for (dim_t p = 0; p < area; ++p) {
      own += pixels[p];
      own_squares += std::int64_t(pixels[p]) * pixels[p];
    }
    sum += double(own);
    squares += double(own_squares);
  }
  const double n = double(data.count * area), mean = sum / n;
  const double deviation = std::sqrt(std::max(0.0, squares / n - mean * mean));
  const auto c = std::size_t(channel);
  return {(mean / 255 - normalization.mean[c]) / normalization.std[c], deviation / 255 / normalization.std[c]};
}

bool is_far(const ChannelMoments& m) {
  return !(std::abs(m.mean) <= kLargestMean && m.deviation >= kSmallestDeviation && m.deviation <= kLargestDeviation);
}

}  // namespace

std::string misfit_of(const ImageDataset& data, const Normalization& normalization, dim_t channels) {
  if (data.count == 0) return "";
  const ImageDataset some = evenly_spread(data, kImagesLookedAt);
  bool far = false;
  std::string means, deviations;
  for (dim_t c = 0; c < data.channels; ++c) {
    const ChannelMoments m = moments_of(some, normalization, c);
    far = far || is_far(m);
    means += formatted(" %.2f", m.mean);
    deviations += formatted(" %.2f", m.deviation);
  }
  if (!far) return "";
  return message("warning: these images are not like those that the classifier was trained on: by its constants their ",
                 "channels have the means", means, " (0 is expected) and the deviations", deviations, " (1)",
                 channels != data.channels ? "; they are grey, and the classifier takes colours" : "",
                 "; see --mean and --std");
}

KnownClasses classifier_classes(const Classifier& classifier) {
  const auto dataset = classifier.notes.find("dataset");
  return known_classes(classifier.class_names, dataset == classifier.notes.end() ? "" : dataset->second);
}

ImageDataset open_classifier_images(const Classifier& classifier, DatasetRequest request, std::ostream* notes) {
  request.classes = classifier_classes(classifier);
  const ImageShape image = classifier.network->image();
  // Known before the work of enlarging all images.
  if (request.size.height > image.height || request.size.width > image.width)
    throw UsageError(message("--image-size: expected at most ", image.height, "x", image.width,
                             ", which the network takes, got ", request.size.height, "x", request.size.width));
  ImageDataset data = open_dataset(request);
  const dim_t channels = data.channels;
  data = network_images(std::move(data), image, request.path.string());
  if (!notes) return data;
  say_note(data, *notes);
  if (const std::string misfit = misfit_of(data, classifier.normalization, channels); !misfit.empty())
    *notes << one_line(request.path.string()) << ": " << misfit << "\n";
  return data;
}

}  // namespace engram::apps
