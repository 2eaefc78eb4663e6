#include "models/data/idx.h"

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

// The plain or the gzipped file of that name, or an empty path.
fs::path find_file(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  for (const std::string& candidate : {name, name + ".gz"}) {
    if (fs::is_regular_file(folder / candidate, ignored)) return folder / candidate;
  }
  return {};
}

IdxArray read_array(const fs::path& path, int rank) {
  io::Bytes bytes = io::read_file(path, kMaxBytes);
  if (path.extension() == ".gz") bytes = io::gunzip(bytes, kMaxBytes, path.string());
  return parse_idx(bytes, rank, path.string());
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

fs::path find_idx_folder(const fs::path& folder, IdxSet set) {
  for (const fs::path& candidate : {folder / set_name(set), folder}) {
    for (Split split : {Split::kTrain, Split::kTest}) {
      if (!find_file(candidate, stem(split, true)).empty()) return candidate;
    }
  }
  return {};
}

ImageDataset read_idx_set(const fs::path& folder, IdxSet set, Split split) {
  const fs::path found = find_idx_folder(folder, set);
  const fs::path base = found.empty() ? folder : found;
  const fs::path images_path = find_file(base, stem(split, true)), labels_path = find_file(base, stem(split, false));
  if (images_path.empty() || labels_path.empty()) {
    throw IoError(message("[", set_name(set), "] expected ", stem(split, true), " and ", stem(split, false),
                          ", plain or .gz, in ", folder.string(), " or its subfolder ", set_name(set),
                          ", did not find ", images_path.empty() ? stem(split, true) : stem(split, false),
                          "; scripts/fetch_data fetches the official files"));
  }
  IdxArray images = read_array(images_path, 3);
  const IdxArray labels = read_array(labels_path, 1);
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
