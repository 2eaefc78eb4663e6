#pragma once
/// Heat maps of chosen images by several networks: a row an image, a column a network or a half of one.

#include <functional>
#include <string>
#include <vector>

#include "apps/analyze/picture_output.h"
#include "apps/analyze/subjects.h"
#include "engine/io/image.h"
#include "models/methods/metrics/attribution_map.h"

namespace engram::apps {

struct AttributionSettings {
  SubjectSettings subject = {};
  std::vector<std::int64_t> indices = {};
  std::int64_t images = 8;
  bool corrected = false, halves = false;
  std::string target = "label";
};

/// Registers the classifiers, the data and the choice of images.
void add_attribution_settings(Cli& cli, AttributionSettings& settings);

/// Maps [n,height,width] of normalised images [n,c,h,w] for a class each, from some channels of the last map.
using MapFunction = std::function<Tensor(const Subject& subject, const Tensor& images,
                                         const std::vector<std::int32_t>& classes, const ChannelRange& channels)>;

/// Runs a command: reads, computes the maps of every network (of the last one also from each half of its channels, with
/// --halves), writes picture and table. Returns the exit code.
int run_attribution(Call& call, AttributionSettings& settings, const MapFunction& maps);

/// The images of a set that a command shows: those of --index, or the first --images of it, with --corrected of those
/// that the first network gets wrong and the last one right. Throws UsageError for a place that the set does not have,
/// DataError when no image is to be shown.
std::vector<dim_t> chosen_images(const Subjects& subjects, const AttributionSettings& settings);

/// The image at a place of a set, as RGB.
io::Image image_at(const ImageDataset& images, dim_t index);

/// The map [h,w], of which `values` are the pixels, in colours over a grey image of the same extents. The largest
/// positive value is the end of the scale; negative ones count as 0.
io::Image heat_over(const io::Image& image, const float* values);

}  // namespace engram::apps
