#pragma once
/// Image sets that are not one of the known ones: a folder of PNG or JPEG files per class, or one
/// packed safetensors file.

#include <filesystem>
#include <map>
#include <string>

#include "models/data/class_folders.h"
#include "models/data/resize.h"

namespace engram {

/// Reads every .png, .jpg and .jpeg file (in any case; read_image) in the class subfolders of `folder`; all have to be
/// of one size, or are resized where a size is given (resize_image). Grey images give one channel where all are grey;
/// else all become RGB. Labels follow from the subfolders' names and what is known of the classes: see
/// label_class_folders, whose note is the set's. Subfolders that begin with a dot are passed over, files are visited in
/// byte order of their names. A JPEG file with a PNG file of its name beside it is passed over, which the note says.
///
/// Normalisation constants are CIFAR's, their mean over the channels for grey images. Throws IoError for a missing
/// folder, DataError for a folder without classes, a class without images, a damaged file (named), sizes that differ
/// (names both files and what would settle it), and labels as label_class_folders.
ImageDataset read_image_folder(const std::filesystem::path& folder, const KnownClasses& known = {},
                               const ImageSize& size = {});

/// Whether `folder` has a subfolder with a file that read_image_folder would read.
bool has_image_folders(const std::filesystem::path& folder);

/// Reads the image files that lie in `folder` itself: images without labels, as one class of the name "image" and set
/// "unlabelled". Otherwise as read_image_folder. Throws DataError for a folder without such files.
ImageDataset read_plain_images(const std::filesystem::path& folder, const ImageSize& size = {});

/// Whether `folder` holds files that read_plain_images would read, and no class folders.
bool has_plain_images(const std::filesystem::path& folder);

/// Reads a safetensors file with `images` u8 [N, C, H, W], C 1 or 3, and `labels` i32 or i64 [N], and perhaps
/// `contexts` (second labels), likewise. Its metadata may hold `num_classes` (a number), `class_names` and
/// `context_names` (one a line); otherwise the largest label plus one, and "0", "1", ...
/// `num_classes` > 0 is what is expected. Throws IoError, or DataError that names the file and the tensor, also for a
/// file that says another number of classes.
ImageDataset read_packed_images(const std::filesystem::path& file, int num_classes = 0);

/// Whether a path is such a file, but without `labels`. Throws IoError and DataError for a file that cannot be read.
bool is_unlabelled_packed(const std::filesystem::path& file);

/// Reads the images of such a file as one class of the name "image" and set "unlabelled", whatever labels it has.
ImageDataset read_unlabelled_packed(const std::filesystem::path& file);

/// Writes such a file, atomically, with all metadata and further ones. Throws IoError.
void write_packed_images(const std::filesystem::path& file, const ImageDataset& data,
                         const std::map<std::string, std::string>& further = {});

}  // namespace engram
