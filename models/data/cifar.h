#pragma once
/// Readers of the binary CIFAR-10 and CIFAR-100 files (A. Krizhevsky, 2009; format at cs.toronto.edu/~kriz/cifar.html).

#include <filesystem>

#include "models/data/dataset.h"

namespace engram {

/// Which label of a CIFAR-100 record counts.
enum class CifarLabels { kFine, kCoarse };

/// How many records a file has to hold.
enum class CifarExtent {
  kOfficial,  ///< exactly as distributed: 10,000 a file (CIFAR-100 train: 50,000), all files there
  kSubset     ///< any positive number of whole records; of the CIFAR-10 training batches at least the first
};

/// Reads CIFAR-10 from `folder`, or from `folder`/cifar-10-batches-bin: data_batch_1.bin .. data_batch_5.bin for the
/// training split, test_batch.bin for the test split. A record is a label byte 0..9 and 3 x 1,024 pixel bytes.
/// Throws IoError that names the files looked for when one is missing, and DataError that names the file with the
/// expected and the found size or label when the content is wrong.
ImageDataset read_cifar10(const std::filesystem::path& folder, Split split,
                          CifarExtent extent = CifarExtent::kOfficial);

/// Reads CIFAR-100 from `folder`, or from `folder`/cifar-100-binary: train.bin or test.bin. A record is a coarse label
/// byte 0..19, a fine label byte 0..99 and the pixels as above; both labels are checked. Throws as read_cifar10.
ImageDataset read_cifar100(const std::filesystem::path& folder, Split split, CifarLabels labels = CifarLabels::kFine,
                           CifarExtent extent = CifarExtent::kOfficial);

/// The folder that read_cifar10 would read from: `folder` or `folder`/cifar-10-batches-bin, whichever holds a file of
/// the set; empty when neither does.
std::filesystem::path find_cifar10_folder(const std::filesystem::path& folder);

/// As above for CIFAR-100: `folder` or `folder`/cifar-100-binary.
std::filesystem::path find_cifar100_folder(const std::filesystem::path& folder);

}  // namespace engram
