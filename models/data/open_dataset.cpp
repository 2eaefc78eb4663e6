#include "models/data/open_dataset.h"

#include <algorithm>
#include <system_error>

#include "kernels/common/error.h"
#include "models/data/cifar.h"
#include "models/data/idx.h"
#include "models/data/image_folder.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

constexpr const char* kPackedOfRun = "samples.safetensors";

// MNIST and Fashion-MNIST share file names: the folder's name decides, and a plain name means MNIST.
bool named_fashion(const fs::path& folder) {
  return folder.string().find("fashion") != std::string::npos;
}

bool has_png_subfolder(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code inner;
    if (!it->is_directory(inner)) continue;
    for (fs::directory_iterator file(it->path(), inner), stop; !inner && file != stop; file.increment(inner)) {
      if (file->path().extension() == ".png") return true;
    }
  }
  return false;
}

/// The packed file that a path stands for: itself, or the one of the folder of an inversion.
fs::path packed_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  if (!fs::exists(path / kPackedOfRun, ignored) && fs::is_directory(path / "batches", ignored))
    throw IoError(message("[data] expected the ", kPackedOfRun, " of a finished inversion in ", path.string(),
                          ", got a run that has not finished; resume it first"));
  return path / kPackedOfRun;
}

ImageDataset read_kind(const std::string& kind, const fs::path& path, Split split, int num_classes) {
  if (kind == "cifar10") return read_cifar10(path, split);
  if (kind == "cifar10-subset") return read_cifar10(path, split, CifarExtent::kSubset);
  if (kind == "cifar100") return read_cifar100(path, split);
  if (kind == "cifar100-coarse") return read_cifar100(path, split, CifarLabels::kCoarse);
  if (kind == "cifar100-subset") return read_cifar100(path, split, CifarLabels::kFine, CifarExtent::kSubset);
  if (kind == "mnist") return read_idx_set(path, IdxSet::kMnist, split);
  if (kind == "fashion-mnist") return read_idx_set(path, IdxSet::kFashionMnist, split);
  if (kind == "packed") return read_packed_images(packed_file(path), num_classes);
  if (kind == "folder") {
    std::error_code ignored;
    const fs::path of_split = path / split_name(split);
    const bool is_split = fs::is_directory(of_split, ignored);
    ImageDataset out = read_image_folder(is_split ? of_split : path, num_classes);
    if (is_split) out.split = split_name(split);
    return out;
  }
  throw UsageError(message("[data] expected a kind of data set (", join(dataset_kinds(), ", "), "), got '", kind, "'"));
}

}  // namespace

const std::vector<std::string>& dataset_kinds() {
  static const std::vector<std::string> kinds = {
      "auto",  "cifar10",       "cifar10-subset", "cifar100", "cifar100-coarse", "cifar100-subset",
      "mnist", "fashion-mnist", "folder",         "packed"};
  return kinds;
}

std::string detect_dataset_kind(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) || fs::exists(path / kPackedOfRun, ignored) ||
      fs::is_directory(path / "batches", ignored))
    return "packed";
  std::vector<std::string> found;
  if (!find_cifar10_folder(path).empty()) found.push_back("cifar10");
  if (!find_cifar100_folder(path).empty()) found.push_back("cifar100");
  const fs::path digits = find_idx_folder(path, IdxSet::kMnist), fashion = find_idx_folder(path, IdxSet::kFashionMnist);
  if (!digits.empty() && !(digits == fashion && named_fashion(digits))) found.push_back("mnist");
  if (!fashion.empty() && named_fashion(fashion)) found.push_back("fashion-mnist");
  if (found.empty() &&
      (has_png_subfolder(path) || has_png_subfolder(path / "train") || has_png_subfolder(path / "test"))) {
    found.push_back("folder");
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw IoError(
        message("[data] expected a data set in ", path.string(),
                ", found none of data_batch_1.bin, test_batch.bin (CIFAR-10), train.bin, test.bin (CIFAR-100), "
                "train-images-idx3-ubyte[.gz], t10k-images-idx3-ubyte[.gz] (MNIST, Fashion-MNIST), "
                "class folders of .png files, or a packed .safetensors file"));
  }
  throw UsageError(
      message("[data] expected one data set in ", path.string(), ", got ", join(found, ", "), "; name the kind"));
}

ImageDataset open_dataset(const std::string& kind, const fs::path& path, Split split, int num_classes) {
  const std::string actual = kind == "auto" ? detect_dataset_kind(path) : kind;
  ImageDataset out = read_kind(actual, path, split, num_classes);
  if (num_classes > 0 && out.num_classes != num_classes) {
    throw UsageError(message("[data] expected ", num_classes, " classes, got ", out.num_classes, " in the ", actual,
                             " data set at ", path.string()));
  }
  return out;
}

}  // namespace engram
