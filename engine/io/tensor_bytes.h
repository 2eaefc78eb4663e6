#pragma once
/// Elements of a file's tensors as the numbers that the engine computes with, and back.
/// Threads: any may call, also at the same time.
#include <span>
#include <vector>

#include "engine/io/bytes.h"
#include "engine/io/safetensors.h"

namespace engram::io {

/// All elements as f32. Exact for F32, F16, BF16, F8, BOOL and integers of up to 16 bits; wider types are rounded to
/// nearest, and F64 beyond the range of f32 becomes infinite. Throws DataError for types that are not is_readable()
/// (names the tensor).
std::vector<float> to_f32(const SafetensorsEntry& entry);

/// All elements as i32. Takes integers and BOOL; throws DataError for other types and for a value that does not fit
/// (names the tensor and the value).
std::vector<std::int32_t> to_i32(const SafetensorsEntry& entry);

/// The numbers as F16 data, to nearest, ties to even.
Bytes f32_to_f16_bytes(std::span<const float> values);

/// The numbers as BF16 data, to nearest, ties to even.
Bytes f32_to_bf16_bytes(std::span<const float> values);

/// The bytes of numbers in memory, borrowed: what an entry of the same type holds.
template <class T>
ByteView bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

}  // namespace engram::io
