#include "models/data/open_dataset.h"

#include <functional>
#include <system_error>

#include "kernels/common/error.h"
#include "models/data/cifar.h"
#include "models/data/class_matching.h"
#include "models/data/idx.h"
#include "models/data/image_folder.h"
#include "models/data/index_list.h"
#include "models/data/pacs.h"

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

// The folder's subfolder for the split where there is one.
ImageDataset read_folder(const DatasetRequest& r) {
  std::error_code ignored;
  const fs::path of_split = r.path / split_name(r.split);
  const bool is_split = fs::is_directory(of_split, ignored);
  ImageDataset out = read_image_folder(is_split ? of_split : r.path, r.classes, r.size);
  if (is_split) out.split = split_name(r.split);
  return out;
}

/// The packed file that a path stands for: itself, or the one of the folder of an inversion.
fs::path packed_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  if (!fs::exists(path / kPackedOfRun, ignored) && fs::is_directory(path / "batches", ignored))
    throw IoError(message("[data] expected the ", kPackedOfRun, " of a finished inversion in ", path.string(),
                          ", found none; resume the run if it has not finished"));
  return path / kPackedOfRun;
}

ImageDataset read_pacs_split(const DatasetRequest& r) {
  if (r.split == Split::kTrain) return read_pacs(r.path, r.domains, PacsPart::kTrain);
  if (!r.test_domains.empty()) return read_pacs(r.path, r.test_domains, PacsPart::kTest);
  return read_pacs(r.path, r.domains, PacsPart::kCrossval);
}

ImageDataset read_packed(const DatasetRequest& r) {
  return read_packed_images(packed_file(r.path), r.classes.count);
}

struct Kind {
  DatasetKind about;
  std::function<ImageDataset(const DatasetRequest&)> read;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> table = {
      {{"cifar10", "CIFAR-10, binary version"}, [](const auto& r) { return read_cifar10(r.path, r.split); }},
      {{"cifar10-subset", "CIFAR-10 files with fewer records"},
       [](const auto& r) { return read_cifar10(r.path, r.split, CifarExtent::kSubset); }},
      {{"cifar100", "CIFAR-100, binary version, 100 classes"},
       [](const auto& r) { return read_cifar100(r.path, r.split); }},
      {{"cifar100-coarse", "CIFAR-100 with its 20 superclasses"},
       [](const auto& r) { return read_cifar100(r.path, r.split, CifarLabels::kCoarse); }},
      {{"cifar100-subset", "CIFAR-100 files with fewer records"},
       [](const auto& r) { return read_cifar100(r.path, r.split, CifarLabels::kFine, CifarExtent::kSubset); }},
      {{"mnist", "MNIST"}, [](const auto& r) { return read_idx_set(r.path, IdxSet::kMnist, r.split); }},
      {{"fashion-mnist", "Fashion-MNIST"},
       [](const auto& r) { return read_idx_set(r.path, IdxSet::kFashionMnist, r.split); }},
      {{"idx", "IDX files of grey or colour images, perhaps with second labels"},
       [](const auto& r) { return read_idx_folder(r.path, r.split); }},
      {{"pacs", "PACS as IDX files, with the domain as second label"}, read_pacs_split},
      {{"folder", "a folder of PNG or JPEG files a class"}, read_folder},
      {{"packed", "one safetensors file of images and labels"}, read_packed},
  };
  return table;
}

/// Whether a file of this name is read with others beside it (CIFAR, IDX).
bool is_file_of_folder(const std::string& name) {
  return name.ends_with(".bin") || name.ends_with("-ubyte") || name.ends_with("-ubyte.gz");
}

const Kind& find_kind(const std::string& name) {
  for (const Kind& kind : kinds())
    if (kind.about.name == name) return kind;
  throw UsageError(message("[data] expected a kind of data set (", join(dataset_kinds(), ", "), "), got '", name, "'"));
}

}  // namespace

const std::vector<std::string>& dataset_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"auto"};
    for (const Kind& kind : kinds()) all.push_back(kind.about.name);
    return all;
  }();
  return names;
}

std::vector<DatasetKind> dataset_kind_help() {
  std::vector<DatasetKind> all = {{"auto", "by the files that are there"}};
  for (const Kind& kind : kinds()) all.push_back(kind.about);
  return all;
}

std::string detect_dataset_kind(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && is_file_of_folder(path.filename().string()))
    throw UsageError(message("[data] expected the folder of the data set, got one of its files: ", path.string()));
  if (fs::is_regular_file(path, ignored) || fs::exists(path / kPackedOfRun, ignored) ||
      fs::is_directory(path / "batches", ignored))
    return "packed";
  std::vector<std::string> found;
  if (!find_cifar10_folder(path).empty()) found.push_back("cifar10");
  if (!find_cifar100_folder(path).empty()) found.push_back("cifar100");
  const fs::path digits = find_idx_folder(path, IdxSet::kMnist), fashion = find_idx_folder(path, IdxSet::kFashionMnist);
  if (!digits.empty() && !(digits == fashion && named_fashion(digits))) found.push_back("mnist");
  if (!fashion.empty() && named_fashion(fashion)) found.push_back("fashion-mnist");
  if (has_pacs(path)) found.push_back("pacs");
  if (found.empty() &&
      (has_image_folders(path) || has_image_folders(path / "train") || has_image_folders(path / "test"))) {
    found.push_back("folder");
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw IoError(
        message("[data] expected a data set in ", path.string(),
                ", found none of data_batch_1.bin, test_batch.bin (CIFAR-10), train.bin, test.bin (CIFAR-100), "
                "train-images-idx3-ubyte[.gz], t10k-images-idx3-ubyte[.gz] (MNIST, Fashion-MNIST), "
                "photo-labels-idx1-ubyte (PACS), class folders of .png or .jpg files, or a packed .safetensors file"));
  }
  throw UsageError(
      message("[data] expected one data set in ", path.string(), ", got ", join(found, ", "), "; name the kind"));
}

ImageDataset open_dataset(const DatasetRequest& request) {
  std::error_code ignored;
  if (!fs::exists(request.path, ignored))
    throw IoError(message("[data] expected a data set at '", request.path.string(), "', found nothing there"));
  const std::string actual = request.kind == "auto" ? detect_dataset_kind(request.path) : request.kind;
  const Kind& kind = find_kind(actual);
  if (actual != "pacs" && !(request.domains.empty() && request.test_domains.empty()))
    throw UsageError(message("[data] expected domains for PACS only, got some for the ", actual, " data set at ",
                             request.path.string()));
  ImageDataset out = kind.read(request);
  if (request.classes.count > 0 && out.num_classes != request.classes.count)
    throw DataError(message("[data] expected ", request.classes.count, " classes, got ", out.num_classes, " in the ",
                            actual, " data set at ", request.path.string()));
  match_classes(out, request.classes, request.path.string());
  if (!request.index_list.empty()) out = select(out, read_index_list(request.index_list, out.count));
  return resize_images(std::move(out), request.size);
}

ImageDataset open_dataset(const std::string& kind, const fs::path& path, Split split, int num_classes) {
  return open_dataset({.kind = kind, .path = path, .split = split, .classes = {num_classes, {}}});
}

}  // namespace engram
