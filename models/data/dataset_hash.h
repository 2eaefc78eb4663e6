#pragma once
/// The identity of a data set.

#include <string>

#include "models/data/dataset.h"

namespace engram {

/// SHA-256 of what a program reads of a data set, as 64 hexadecimal digits: extents, class names, labels and pixels,
/// not the path, the file format or the set's name. Two sets with equal hashes give equal results.
std::string dataset_sha256(const ImageDataset& data);

}  // namespace engram
