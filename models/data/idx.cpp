#include "models/data/idx.h"

#include <algorithm>
#include <system_error>

#include "engine/io/atomic_file.h"
#include "engine/io/gzip.h"
#include "kernels/common/error.h"
#include "models/data/class_names.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

// The largest member of the family, EMNIST, unpacks to 640 MB.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

const char* set_name(IdxSet set) {
  return set == IdxSet::kMnist ? "mnist" : "fashion-mnist";
}

std::string stem(Split split, bool images) {
  return std::string(split == Split::kTrain ? "train" : "t10k") +
         (images ? "-images-idx3-ubyte" : "-labels-idx1-ubyte");
}

// Labels, and their numbers as names.
void read_label_file(const fs::path& path, std::vector<std::int32_t>& labels, std::vector<std::string>& names) {
  const IdxArray file = read_idx(path, 1);
  labels.assign(file.values.begin(), file.values.end());
  const int count = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1;
  for (int label = 0; label < count; ++label) names.push_back(std::to_string(label));
}

std::uint32_t big_endian(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | std::uint32_t{p[3]};
}

}  // namespace

IdxArray parse_idx(io::ByteView bytes, int rank, const std::string& source) {
  const std::size_t header = 4 + 4 * static_cast<std::size_t>(rank);
  if (bytes.size() < header) {
    throw DataError(message("[idx] expected a header of ", header, " bytes, got ", bytes.size(), " bytes in ", source));
  }
  if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != rank) {
    throw DataError(message("[idx] expected the first bytes 0 0 8 ", rank, ", got ", int{bytes[0]}, " ", int{bytes[1]},
                            " ", int{bytes[2]}, " ", int{bytes[3]}, " in ", source));
  }
  IdxArray out;
  std::uint64_t count = 1;
  std::string extents;
  for (int i = 0; i < rank; ++i) {
    const std::uint32_t extent = big_endian(bytes.data() + 4 + 4 * i);
    extents += (i ? "x" : "") + std::to_string(extent);
    // Beyond the limit of any file the product is wrong in any case; stopping here keeps it from overflowing.
    count = count > kMaxBytes ? count : count * extent;
    out.shape.push_back(extent);
  }
  if (count != bytes.size() - header) {
    throw DataError(message("[idx] expected ", header, " + ", extents, " bytes, got ", bytes.size(), " in ", source));
  }
  out.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return out;
}

fs::path find_idx_file(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (fs::is_regular_file(folder / candidate, ignored)) return folder / candidate;
  }
  return {};
}

IdxArray read_idx(const fs::path& path, int rank) {
  io::Bytes bytes = io::read_file(path, kMaxBytes);
  if (path.extension() == ".gz") bytes = io::gunzip(bytes, kMaxBytes, path.string());
  if (rank == 0) rank = bytes.size() > 3 && bytes[3] == 4 ? 4 : 3;
  return parse_idx(bytes, rank, path.string());
}

ImageDataset read_idx_images(const fs::path& images_path, const fs::path& labels_path, const fs::path& contexts_path) {
  IdxArray images = read_idx(images_path, 0);
  ImageDataset out;
  out.name = "idx";
  out.split = "all";
  const bool grey = images.shape.size() == 3;
  out.count = images.shape[0];
  out.channels = grey ? 1 : images.shape[1];
  out.height = images.shape[grey ? 1 : 2];
  out.width = images.shape[grey ? 2 : 3];
  out.pixels = std::move(images.values);
  out.normalization = cifar_normalization();
  if (out.channels != 3) {
    out.normalization.mean.assign(static_cast<std::size_t>(out.channels), 0.5f);
    out.normalization.std = out.normalization.mean;
  }
  read_label_file(labels_path, out.labels, out.class_names);
  out.num_classes = static_cast<int>(out.class_names.size());
  if (!contexts_path.empty()) read_label_file(contexts_path, out.contexts, out.context_names);
  check_dataset(out, images_path.string() + " and its labels");
  return out;
}

ImageDataset read_idx_folder(const fs::path& folder, Split split) {
  std::vector<std::string> prefixes = {"train"};
  if (split == Split::kTest) prefixes = {"test", "t10k"};
  for (const std::string& prefix : prefixes) {
    for (const char* rank : {"3", "4"}) {
      const fs::path images = find_idx_file(folder, prefix + "-images-idx" + rank + "-ubyte");
      if (images.empty()) continue;
      const std::string labels_name = prefix + "-labels-idx1-ubyte";
      const fs::path labels = find_idx_file(folder, labels_name);
      if (labels.empty())
        throw IoError(
            message("[idx] expected ", labels_name, ", plain or .gz, beside ", images.string(), ", did not find it"));
      ImageDataset out = read_idx_images(images, labels, find_idx_file(folder, prefix + "-contexts-idx1-ubyte"));
      out.split = split_name(split);
      return out;
    }
  }
  throw IoError(message("[idx] expected ", prefixes.front(), "-images-idx3-ubyte or -idx4-ubyte, plain or .gz, in ",
                        folder.string(), ", did not find either"));
}

fs::path find_idx_folder(const fs::path& folder, IdxSet set) {
  for (const fs::path& candidate : {folder / set_name(set), folder}) {
    for (Split split : {Split::kTrain, Split::kTest}) {
      if (!find_idx_file(candidate, stem(split, true)).empty()) return candidate;
    }
  }
  return {};
}

ImageDataset read_idx_set(const fs::path& folder, IdxSet set, Split split) {
  const fs::path found = find_idx_folder(folder, set);
  const fs::path base = found.empty() ? folder : found;
  const fs::path images_path = find_idx_file(base, stem(split, true)),
                 labels_path = find_idx_file(base, stem(split, false));
  if (images_path.empty() || labels_path.empty()) {
    throw IoError(message("[", set_name(set), "] expected ", stem(split, true), " and ", stem(split, false),
                          ", plain or .gz, in ", folder.string(), " or its subfolder ", set_name(set),
                          ", did not find ", images_path.empty() ? stem(split, true) : stem(split, false),
                          "; scripts/fetch_data fetches the official files"));
  }
  IdxArray images = read_idx(images_path, 3);
  const IdxArray labels = read_idx(labels_path, 1);
  ImageDataset out;
  out.name = set_name(set);
  out.split = split_name(split);
  out.count = images.shape[0];
  out.channels = 1;
  out.height = images.shape[1];
  out.width = images.shape[2];
  out.pixels = std::move(images.values);
  out.labels.assign(labels.values.begin(), labels.values.end());
  out.num_classes = 10;
  const bool digits = set == IdxSet::kMnist;
  out.class_names = digits ? mnist_class_names() : fashion_mnist_class_names();
  out.normalization = digits ? Normalization{{0.1307f}, {0.3081f}} : Normalization{{0.2860f}, {0.3530f}};
  check_dataset(out, images_path.string() + " and " + labels_path.string());
  return out;
}

}  // namespace engram
