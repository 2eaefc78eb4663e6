#pragma once
/// A picture of made images beside the real ones whose features are nearest.

#include "engine/io/image.h"
#include "models/data/dataset.h"
#include "models/methods/metrics/features.h"

namespace engram::apps {

/// `count` made images, at equal steps through the set, a row each with their nearest real ones, nearest first. The
/// features are those of all images of each set, by the same network; both sets have images of one shape.
io::Image nearest_sheet(const ImageDataset& made, const FeatureMatrix& made_features, const ImageDataset& real,
                        const FeatureMatrix& real_features, dim_t count, const Device& device);

}  // namespace engram::apps
