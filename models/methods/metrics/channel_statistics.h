#pragma once
/// Colours of image sets: mean and deviation of each channel, of all images and by class.

#include "models/data/dataset.h"

namespace engram {

/// Of values from 0 to 1 (bytes / 255).
struct ChannelStatistics {
  dim_t images = 0;
  std::vector<double> mean, deviation;  ///< one a channel; empty without images
};

/// Over all pixels of all images; the deviation is divided by their number.
ChannelStatistics channel_statistics(const ImageDataset& images);

/// The same of each class.
std::vector<ChannelStatistics> class_channel_statistics(const ImageDataset& images);

/// The mean over classes that both have, and over channels, of the absolute difference of the classes' means. Throws
/// DataError when no class has images in both, or the channels differ.
double class_color_distance(const std::vector<ChannelStatistics>& a, const std::vector<ChannelStatistics>& b);

}  // namespace engram
