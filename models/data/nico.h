#pragma once
/// Reader of NICO (He, Shen, Cui 2021, "Towards non-I.I.D. image classification: a dataset and baselines") in the
/// folder layout and lists of DecAug's public code.

#include <filesystem>

#include "models/data/environments.h"

namespace engram {

struct NicoOptions {
  dim_t side = 64;  ///< images are resized so that their shorter side is 8 pixels longer, and cropped in the middle
};

/// Reads a superclass of NICO ("animal", "vehicle"): images/CLASS/CONTEXT/FILE and the lists of split_v2_ood, or of
/// `folder` itself: train.csv, val.csv, test.csv, or files that end in _train_ood.csv and so on, as the public scripts
/// write them. Lists train1.csv, train2.csv, ... give an environment each. Each line is FILE,CLASS,CONTEXT with FILE
/// counted from images/, a PNG or JPEG file (read_image), or with .png in place of its ending.
///
/// Classes and second labels (contexts) are the names in the training lists, in byte order; contexts that training does
/// not have are no second labels of the other parts. Constants are those of the public code: of the animals, or of the
/// vehicles where a class is "car". Throws IoError that names the lists looked for or a missing file, DataError for a
/// list's line that is not three fields, leaves the folder, or has a class that training has not, and as read_image.
OodData read_nico(const std::filesystem::path& folder, const NicoOptions& options);

}  // namespace engram
