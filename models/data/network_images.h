#pragma once
/// Image sets in the form that a network takes.

#include "models/data/dataset.h"
#include "models/data/image_shape.h"

namespace engram {

/// The set as images of `shape`: grey ones that are not larger (MNIST, for a network of 3x32x32) stand in the middle of
/// black in each channel, whose normalisation is that of the grey one. Images of that shape are left alone. Throws
/// DataError for all others, which names `source`.
ImageDataset network_images(ImageDataset data, const ImageShape& shape, const std::string& source);

/// The images that a network for this set takes: the set's own, but 3x32x32 for grey images that are not larger, which
/// network_images brings to it.
ImageShape shape_for_network(const ImageDataset& data);

}  // namespace engram
