#pragma once
/// Image sets that are not one of the known ones: a folder of PNG files per class, or one packed safetensors file.

#include <filesystem>

#include "models/data/dataset.h"

namespace engram {

/// Reads every .png file in the class subfolders of `folder` as RGB; all have to be of one size. Classes and files are
/// visited in byte order of their names.
///
/// Subfolders named s<digits> (s00, s01, ... as inversion writes them) carry their label in the name, and every other
/// subfolder is then passed over; without such names every subfolder that does not begin with a dot is a class,
/// labelled in order. `num_classes` > 0 states the number of classes; 0 takes the largest label plus one.
///
/// Normalisation constants are CIFAR's. Throws IoError for a missing folder, DataError for a folder without classes, a
/// class without images, a damaged PNG (named), sizes that differ (names both files), a label beyond `num_classes`.
ImageDataset read_image_folder(const std::filesystem::path& folder, int num_classes = 0);

/// Reads a safetensors file with `images` u8 [N, C, H, W], C 1 or 3, and `labels` i32 or i64 [N]. Its metadata may hold
/// `num_classes` (a number) and `class_names` (one a line); otherwise the largest label plus one, and "0", "1", ...
/// `num_classes` > 0 overrides. Throws IoError, or DataError that names the file and the tensor.
ImageDataset read_packed_images(const std::filesystem::path& file, int num_classes = 0);

/// Writes such a file, atomically, with both metadata. Throws IoError.
void write_packed_images(const std::filesystem::path& file, const ImageDataset& data);

}  // namespace engram
