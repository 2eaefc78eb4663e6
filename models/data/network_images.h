#pragma once
/// Image sets in the form that the networks take.

#include "models/data/dataset.h"

namespace engram {

/// The set as [3,32,32] images: smaller ones stand in the middle of black, grey ones in each of three channels, whose
/// normalisation is that of the grey one. Itself when it has that form already. Throws DataError for larger images and
/// for 2 or more than 3 channels.
ImageDataset network_images(ImageDataset data);

}  // namespace engram
