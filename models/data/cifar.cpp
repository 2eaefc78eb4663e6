#include "models/data/cifar.h"

#include <system_error>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/data/class_names.h"
#include "models/data/is_file.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

constexpr dim_t kSide = 32;
constexpr dim_t kPixelBytes = 3 * kSide * kSide;

// What one flavour of the format looks like.
struct Format {
  const char* op;         // prefix of messages
  dim_t label_bytes;      // bytes before the pixels
  dim_t label_offset;     // which of them is the label
  const char* subfolder;  // where the official archive unpacks to
  int limits[2];          // number of classes of each label byte
};

constexpr Format kCifar10{"cifar10", 1, 0, "cifar-10-batches-bin", {10, 0}};
constexpr Format kCifar100Fine{"cifar100", 2, 1, "cifar-100-binary", {20, 100}};
constexpr Format kCifar100Coarse{"cifar100", 2, 0, "cifar-100-binary", {20, 100}};

fs::path find_folder(const fs::path& folder, const char* subfolder, const std::vector<std::string>& any_of) {
  for (const fs::path& candidate : {folder, folder / subfolder}) {
    for (const std::string& name : any_of) {
      if (is_file(candidate / name)) return candidate;
    }
  }
  return {};
}

// Appends the records of one file. `records` is the exact number expected, or 0 for any positive number.
void append_file(const fs::path& path, const Format& format, dim_t records, ImageDataset& out) {
  const dim_t record_bytes = format.label_bytes + kPixelBytes;
  std::error_code error;
  const auto found = static_cast<dim_t>(fs::file_size(path, error));
  if (error) throw IoError(message("[", format.op, "] cannot read ", path.string(), ": ", error.message()));
  if (records > 0 && found != records * record_bytes) {
    throw DataError(message("[", format.op, "] expected ", records * record_bytes, " bytes (", records, " records of ",
                            record_bytes, "), got ", found, " in ", path.string(),
                            found > 0 && found % record_bytes == 0
                                ? std::string("; a part of the set is read with the data kind ") + format.op + "-subset"
                                : std::string()));
  }
  if (records == 0 && (found == 0 || found % record_bytes != 0)) {
    throw DataError(message("[", format.op, "] expected a positive multiple of ", record_bytes, " bytes, got ", found,
                            " in ", path.string()));
  }
  const io::Bytes bytes = io::read_file(path, static_cast<std::uint64_t>(found));
  const dim_t count = static_cast<dim_t>(bytes.size()) / record_bytes;
  if (count * record_bytes != found) {
    throw DataError(message("[", format.op, "] expected ", found, " bytes, got ", bytes.size(), " in ", path.string(),
                            " (the file changed while it was read)"));
  }
  out.pixels.reserve(out.pixels.size() + count * kPixelBytes);
  for (dim_t i = 0; i < count; ++i) {
    const std::uint8_t* record = bytes.data() + i * record_bytes;
    for (dim_t b = 0; b < format.label_bytes; ++b) {
      if (record[b] >= format.limits[b]) {
        throw DataError(message("[", format.op, "] expected labels 0..", format.limits[b] - 1, ", got ",
                                static_cast<int>(record[b]), " in record ", i, " of ", path.string()));
      }
    }
    out.labels.push_back(record[format.label_offset]);
    out.pixels.insert(out.pixels.end(), record + format.label_bytes, record + record_bytes);
  }
  out.count += count;
}

ImageDataset read_files(const fs::path& folder, const fs::path& found, const Format& format, Split split,
                        const std::vector<std::string>& files, dim_t records_per_file, CifarExtent extent) {
  const bool official = extent == CifarExtent::kOfficial;
  const fs::path base = found.empty() ? folder : found;
  std::vector<fs::path> present;
  std::string missing;
  for (const std::string& name : files) {
    if (is_file(base / name)) {
      present.push_back(base / name);
    } else {
      missing += (missing.empty() ? "" : ", ") + name;
    }
  }
  const bool first_there = !present.empty() && present.front().filename() == files.front();
  if (!missing.empty() && (official || !first_there)) {
    throw IoError(message(
        "[", format.op, "] expected the files of the ", split_name(split), " split in ", folder.string(),
        found.empty() ? message(" or its subfolder ", format.subfolder) : "", ", did not find ", missing,
        "; scripts/fetch_data fetches the official archive",
        first_there ? message(", and the data kind ", format.op, "-subset reads a part of the set") : std::string()));
  }
  ImageDataset out;
  out.name = format.op;
  out.split = split_name(split);
  out.channels = 3;
  out.height = out.width = kSide;
  out.normalization = cifar_normalization();
  if (official) out.pixels.reserve(files.size() * records_per_file * kPixelBytes);
  for (const fs::path& path : present) append_file(path, format, official ? records_per_file : 0, out);
  return out;
}

}  // namespace

fs::path find_cifar10_folder(const fs::path& folder) {
  return find_folder(folder, kCifar10.subfolder,
                     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                      "data_batch_5.bin", "test_batch.bin"});
}

fs::path find_cifar100_folder(const fs::path& folder) {
  return find_folder(folder, kCifar100Fine.subfolder, {"train.bin", "test.bin"});
}

ImageDataset read_cifar10(const fs::path& folder, Split split, CifarExtent extent) {
  std::vector<std::string> files = {"test_batch.bin"};
  if (split == Split::kTrain) {
    files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
  }
  ImageDataset out = read_files(folder, find_cifar10_folder(folder), kCifar10, split, files, 10000, extent);
  out.class_names = cifar10_class_names();
  out.num_classes = 10;
  check_dataset(out, folder.string());
  return out;
}

ImageDataset read_cifar100(const fs::path& folder, Split split, CifarLabels labels, CifarExtent extent) {
  const bool fine = labels == CifarLabels::kFine;
  ImageDataset out =
      read_files(folder, find_cifar100_folder(folder), fine ? kCifar100Fine : kCifar100Coarse, split,
                 {split == Split::kTrain ? "train.bin" : "test.bin"}, split == Split::kTrain ? 50000 : 10000, extent);
  if (!fine) out.name = "cifar100-coarse";
  out.class_names = fine ? cifar100_fine_class_names() : cifar100_coarse_class_names();
  out.num_classes = static_cast<int>(out.class_names.size());
  check_dataset(out, folder.string());
  return out;
}

}  // namespace engram
