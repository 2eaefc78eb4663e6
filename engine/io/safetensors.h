#pragma once
/// The safetensors format (https://github.com/huggingface/safetensors): named dense arrays behind a JSON header.
///
///   bytes 0-7   header length n, little-endian
///   n bytes     JSON object, padded with spaces: {"NAME": {"dtype": "F32", "shape": [2, 3],
///               "data_offsets": [begin, end]}, ...}, and optionally "__metadata__": {"key": "text", ...};
///               offsets count from the end of the header
///   the rest    the data, row-major, little-endian, without holes or overlaps
/// Threads: any may call, also at the same time.
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/bytes.h"
#include "engine/io/file_dtype.h"
#include "kernels/common/types.h"

namespace engram::io {

/// Longest header that is read or written, as in the reference implementation.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

/// Largest number of dimensions that is read or written.
inline constexpr std::size_t kMaxSafetensorsRank = 64;

/// One array. Its bytes are borrowed, and may lie at any address: read them through the functions of tensor_bytes.h or
/// load_le.
struct SafetensorsEntry {
  std::string name;
  FileDType dtype = FileDType::kF32;
  std::vector<dim_t> shape;  ///< empty for a scalar
  ByteView bytes;            ///< row-major, product(shape) elements
};

/// Free text that travels with the arrays.
using SafetensorsMetadata = std::map<std::string, std::string>;

/// The content of a file, borrowing the arrays' bytes from it.
struct SafetensorsView {
  std::vector<SafetensorsEntry> entries;  ///< in the order of the data
  SafetensorsMetadata metadata;

  /// The entry of that name, or nullptr. Linear in the number of entries.
  const SafetensorsEntry* find(std::string_view name) const;
};

/// Reads a whole file that lies in memory. `source` (a file name) begins every message.
///
/// Strict: throws DataError, which says what was expected, what was found and in which tensor, unless the header's
/// length fits the file and the limit; it is one JSON object of exactly the members above, without duplicate names or
/// keys; every type is known; every extent is a non-negative integer and every product fits; the offsets of a tensor
/// span exactly its size; and the data of all tensors together cover the rest of the file without hole or overlap.
SafetensorsView parse_safetensors(ByteView file, std::string_view source = "safetensors");

/// A file in memory together with the view of it.
class SafetensorsFile {
 public:
  /// Reads and parses. Throws IoError (cannot read), DataError (as parse_safetensors, or more than `max_bytes`).
  /// The file is copied, not mapped: a mapped file that another process truncates would kill this one.
  explicit SafetensorsFile(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 40);

  const SafetensorsView& view() const { return view_; }
  const SafetensorsView* operator->() const { return &view_; }

 private:
  Bytes bytes_;  // stays in place when this object moves, so that view_ remains valid
  SafetensorsView view_;
};

/// The bytes of a file with these arrays. Equal input in any order gives equal bytes: data are sorted by descending
/// element type, then by name, so that every array is aligned to its element and the first to 8 bytes, and metadata are
/// sorted by key. The bytes are those of the reference writer (for at most one metadata key; it does not sort them).
///
/// Throws UsageError for duplicate or reserved names, text that is not UTF-8, and a header beyond the limit; ShapeError
/// when an entry's bytes are not product(shape) elements.
Bytes serialize_safetensors(std::span<const SafetensorsEntry> entries, const SafetensorsMetadata& metadata = {});

/// Writes serialize_safetensors() to a file, atomically and without a second copy of the data. Throws as that and as
/// AtomicFile.
void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = {});

}  // namespace engram::io
