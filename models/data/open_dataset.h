#pragma once
/// One door to all readers.

#include <filesystem>

#include "models/data/dataset.h"

namespace engram {

/// The kinds that open_dataset takes, "auto" first:
/// auto, cifar10, cifar10-subset, cifar100, cifar100-coarse, cifar100-subset, mnist, fashion-mnist, folder, packed.
const std::vector<std::string>& dataset_kinds();

/// Reads a split of the data set of the given kind from a folder or, for packed sets, a file. "auto" goes by the files
/// that are there; the folder of a finished inversion stands for its packed file. Synthetic sets (folder, packed) have
/// no split: the whole is read for either, unless the folder has a subfolder named as the split.
///
/// `num_classes` > 0 states the number of classes of a synthetic set; for the other kinds it has to be 0 or theirs.
/// Throws UsageError for an unknown kind or an ambiguous folder, and what the readers throw.
ImageDataset open_dataset(const std::string& kind, const std::filesystem::path& path, Split split, int num_classes = 0);

/// The kind that "auto" stands for at this path. Throws IoError that lists the files looked for when nothing is
/// recognised, UsageError when more than one kind is there.
std::string detect_dataset_kind(const std::filesystem::path& path);

}  // namespace engram
