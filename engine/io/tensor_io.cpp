#include "engine/io/tensor_io.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <span>
#include <vector>

#include "engine/autograd.h"
#include "engine/io/float_formats.h"
#include "engine/io/tensor_bytes.h"

namespace engram::io {
namespace {

/// An extent of zero makes any other extents valid in the file; here they become strides, which have to fit.
bool strides_fit(const Shape& shape) {
  dim_t product = 1;
  for (const dim_t extent : shape) {
    if (__builtin_mul_overflow(product, std::max<dim_t>(extent, 1), &product)) return false;
  }
  return true;
}

Tensor to_tensor(const SafetensorsEntry& entry, const std::string& source) {
  if (entry.shape.size() > std::size_t(kMaxRank) || !strides_fit(entry.shape)) {
    throw DataError(message("[", source, "] ", quoted_name(entry.name), ": expected at most ", kMaxRank,
                            " axes with a product of extents below 2^63, got ", to_string(entry.shape)));
  }
  if (!is_readable(entry.dtype)) return Tensor::from(to_f32(entry), entry.shape);  // which refuses it by name
  switch (entry.dtype) {
    case FileDType::kF32:
    case FileDType::kF64:
    case FileDType::kF16:
    case FileDType::kBF16:
    case FileDType::kF8E5M2:
    case FileDType::kF8E4M3:
    case FileDType::kF8E8M0:
      return Tensor::from(to_f32(entry), entry.shape);
    case FileDType::kU8:
      return Tensor::from(std::vector<std::uint8_t>(entry.bytes.begin(), entry.bytes.end()), entry.shape);
    default:
      return Tensor::from(to_i32(entry), entry.shape);
  }
}

FileDType file_dtype(DType dtype, FloatStorage storage) {
  switch (dtype) {
    case DType::kF32:
      return storage == FloatStorage::kF16    ? FileDType::kF16
             : storage == FloatStorage::kBF16 ? FileDType::kBF16
                                              : FileDType::kF32;
    case DType::kI32:
      return FileDType::kI32;
    case DType::kU8:
      return FileDType::kU8;
    case DType::kBF16:
      return FileDType::kBF16;
  }
  return FileDType::kF32;
}

/// The numbers in half the bytes. Throws UsageError where a finite number would become infinite.
Bytes narrowed(std::span<const float> values, FloatStorage storage, const std::string& name) {
  for (const float value : values) {
    const float stored =
        storage == FloatStorage::kF16 ? f16_to_f32(f32_to_f16(value)) : bf16_to_f32(f32_to_bf16(value));
    if (std::isinf(stored) && !std::isinf(value)) {
      throw UsageError(message("[save_tensors] ", quoted_name(name), ": expected numbers that ",
                               storage == FloatStorage::kF16 ? "F16" : "BF16", " can hold, got ", value));
    }
  }
  return storage == FloatStorage::kF16 ? f32_to_f16_bytes(values) : f32_to_bf16_bytes(values);
}

}  // namespace

TensorFile load_tensors(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  TensorFile result;
  for (const SafetensorsEntry& entry : file->entries) result.tensors[entry.name] = to_tensor(entry, path.string());
  result.metadata = file->metadata;
  return result;
}

void save_tensors(const std::filesystem::path& path, const std::map<std::string, Tensor>& tensors,
                  const SafetensorsMetadata& metadata, FloatStorage storage) {
  NoGradGuard no_grad;
  std::list<Tensor> dense;  // alive until the file is written
  std::list<Bytes> converted;
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    const Tensor& source = dense.emplace_back(tensor.to(Device{}).contiguous());
    SafetensorsEntry entry{
        .name = name, .dtype = file_dtype(tensor.dtype(), storage), .shape = tensor.shape(), .bytes = {}};
    const auto* first = static_cast<const std::uint8_t*>(source.raw_data());
    entry.bytes = {first, std::size_t(source.numel()) * dtype_bytes(source.dtype())};
    if (tensor.dtype() == DType::kF32 && storage != FloatStorage::kF32) {
      const std::span<const float> values(source.data<float>(), std::size_t(source.numel()));
      converted.push_back(narrowed(values, storage, name));
      entry.bytes = converted.back();
    }
    entries.push_back(std::move(entry));
  }
  write_safetensors(path, entries, metadata);
}

}  // namespace engram::io
