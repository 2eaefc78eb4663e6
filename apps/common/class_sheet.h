#pragma once
/// Images of a set in one picture, a column a class.

#include <vector>

#include "engine/io/image.h"
#include "models/data/dataset.h"

namespace engram::apps {

/// The first `rows` images of each class in a column under the class's name, as RGB; small images are enlarged by a
/// whole factor. Ten classes stand side by side, further ones in bands below. Images whose place in `missed` (one an
/// image, or empty) is set have a red frame. Grey and RGB images are taken; a class without images leaves its column
/// empty.
io::Image class_sheet(const ImageDataset& images, dim_t rows, const std::vector<bool>& missed = {});

}  // namespace engram::apps
