#pragma once
/// A part of a data set.

#include "models/data/dataset.h"

namespace engram {

/// `limit` of the images, evenly spread over the set; all of them when `limit` is 0 or not below their number.
ImageDataset evenly_spread(const ImageDataset& data, dim_t limit);

}  // namespace engram
