#pragma once
/// One door to all readers.

#include <filesystem>

#include "models/data/class_folders.h"
#include "models/data/resize.h"

namespace engram {

/// The kinds that open_dataset takes, "auto" first.
const std::vector<std::string>& dataset_kinds();

/// The kinds with a line about each, for help and documentation.
struct DatasetKind {
  std::string name, help;
};
std::vector<DatasetKind> dataset_kind_help();

/// What to read.
struct DatasetRequest {
  std::string kind = "auto";  ///< one of dataset_kinds()
  std::filesystem::path path = {};
  Split split = Split::kTrain;
  /// Classes of the classifier or training set that the set has to agree with. Folders and packed sets get labels by
  /// their names where they have some; all other kinds must have as many classes.
  KnownClasses classes = {};
  ImageSize size = {};                         ///< resize the images to it
  std::vector<std::string> domains = {};       ///< PACS: for training; none is all
  std::vector<std::string> test_domains = {};  ///< PACS: left out of training and read whole for the test split; none
                                               ///< tests on the validation lists of the training domains
  std::filesystem::path index_list = {};       ///< only the records that this file lists (read_index_list)
};

/// Reads a split of a data set from a folder or, for packed sets, a file. "auto" goes by the files that are
/// there; the folder of a finished inversion stands for its packed file.
/// Synthetic sets (folder, packed) have no split: the whole is read for either, unless the folder has a subfolder named
/// as the split. What was chosen for the reader (labels of folders) is the set's note.
///
/// Throws UsageError for an unknown kind, an ambiguous folder, or domains of a set that has none, DataError for another
/// number of classes than the known one, and what the readers throw.
ImageDataset open_dataset(const DatasetRequest& request);

/// The same without anything known but the number of classes (0: nothing).
ImageDataset open_dataset(const std::string& kind, const std::filesystem::path& path, Split split, int num_classes = 0);

/// The kind that "auto" stands for at this path. Throws IoError that lists the files looked for when nothing is
/// recognised, UsageError when more than one kind is there.
std::string detect_dataset_kind(const std::filesystem::path& path);

}  // namespace engram
