#pragma once
/// Image sets in the form that the networks take.

#include "models/data/dataset.h"

namespace engram {

/// The set as [3,32,32] images: grey ones of at most 32x32 pixels (MNIST) stand in the middle of black in each of three
/// channels, whose normalisation is that of the grey one. Colour images of that form are left alone. Throws DataError
/// for all others, which names `source`.
ImageDataset network_images(ImageDataset data, const std::string& source);

}  // namespace engram
