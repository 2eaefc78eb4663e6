#pragma once
/// Reader of the IDX files in which MNIST (LeCun, Cortes, Burges) and Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) come.

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
