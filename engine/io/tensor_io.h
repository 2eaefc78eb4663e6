#pragma once
/// Tensors in safetensors files. Threads: any may call, also at the same time.

#include <filesystem>
#include <map>
#include <string>

#include "engine/io/safetensors.h"
#include "engine/tensor.h"

namespace engram::io {

/// A file's tensors, dense on the CPU, by name, and its free text.
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  SafetensorsMetadata metadata;
};

/// Reads all tensors: F32, F64, F16, BF16 and F8 become f32, integers and BOOL become i32, U8 stays u8. Throws IoError,
/// and DataError for a malformed file, more than kMaxRank axes, extents whose product does not fit, or an integer that
/// does not fit; its message names the tensor.
TensorFile load_tensors(const std::filesystem::path& path);

/// How f32 tensors are stored.
enum class FloatStorage { kF32, kF16, kBF16 };

/// Writes tensors in logical row-major order, atomically. Throws IoError, and UsageError for names that the format
/// reserves and for finite numbers that would be infinite in `storage`.
void save_tensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                  const SafetensorsMetadata& metadata = {}, FloatStorage storage = FloatStorage::kF32);

}  // namespace engram::io
