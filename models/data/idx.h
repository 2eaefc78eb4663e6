#pragma once
/// Reader of IDX files, in which MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) come, and
/// of colour images in the same format.

#include <filesystem>

#include "engine/io/bytes.h"
#include "models/data/dataset.h"

namespace engram {

/// The content of one IDX file of unsigned bytes.
struct IdxArray {
  std::vector<dim_t> shape;
  io::Bytes values;  ///< row-major, product(shape) values
};

/// Parses an IDX file that lies in memory: two zero bytes, the type (8: unsigned byte), the number of dimensions, each
/// extent as a big-endian 32-bit number, and exactly the values. Throws DataError, which begins with `source`, for
/// anything else, and unless there are `rank` dimensions.
IdxArray parse_idx(io::ByteView bytes, int rank, const std::string& source);

/// An IDX file of unsigned bytes, gzipped where its name ends in .gz, as parse_idx reads it; an image file has rank 3
/// (grey: count, rows, columns) or 4 (count, channels, rows, columns), which is its `rank` 0. Throws IoError,
/// DataError.
IdxArray read_idx(const std::filesystem::path& path, int rank);

/// Images with labels and, where `contexts` is not empty, second labels from a file of their own. Classes and contexts
/// are 0 .. the largest label and have their numbers as names; CIFAR's normalisation, 0.5 for other channel counts.
/// Throws IoError, and DataError for damaged content and for files that differ in their number of images.
ImageDataset read_idx_images(const std::filesystem::path& images, const std::filesystem::path& labels,
                             const std::filesystem::path& contexts = {});

/// Reads {train,test or t10k}-images-idx{3,4}-ubyte with -labels-idx1-ubyte and perhaps -contexts-idx1-ubyte (second
/// labels) from `folder`, each plain or with .gz behind its name. Throws as read_idx_images, IoError that names what is
/// missing.
ImageDataset read_idx_folder(const std::filesystem::path& folder, Split split);

/// The plain or the gzipped file of that name in the folder, or an empty path.
std::filesystem::path find_idx_file(const std::filesystem::path& folder, const std::string& name);

/// The two sets of this format, which share file names.
enum class IdxSet { kMnist, kFashionMnist };

/// Reads train-images-idx3-ubyte and train-labels-idx1-ubyte (test: t10k-...), each plain or with .gz behind its name,
/// from `folder` or its subfolder mnist or fashion-mnist. One channel; normalisation constants are the set's own mean
/// and deviation. Throws IoError that names the files looked for, DataError for damaged content, images and labels that
/// differ in number, and labels beyond 9.
ImageDataset read_idx_set(const std::filesystem::path& folder, IdxSet set, Split split);

/// The folder that read_idx_set would read from; empty when the images of neither split are there.
std::filesystem::path find_idx_folder(const std::filesystem::path& folder, IdxSet set);

}  // namespace engram
