#pragma once
/// Environments as folders of class folders.

#include <filesystem>

#include "models/data/environments.h"

namespace engram {

/// Every subfolder of `folder` that holds class folders of images (read_image_folder) as an environment, in byte
/// order of their names, with the environments as second labels. Classes are those of the first. Images are brought to
/// `side` pixels where that is not 0. Throws IoError where fewer than two environments are there, and as
/// read_image_folder.
Environments read_environment_folders(const std::filesystem::path& folder, dim_t side);

}  // namespace engram
