#include "engine/io/tensor_bytes.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "engine/io/float_formats.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

/// out[i] = convert(i-th T).
template <class T, class Out, class Convert>
std::vector<Out> convert_all(ByteView bytes, Convert convert) {
  std::vector<Out> out(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = convert(load_le<T>(bytes.data() + i * sizeof(T)));
  return out;
}

template <class T>
std::vector<float> cast_to_f32(ByteView bytes) {
  return convert_all<T, float>(bytes, [](T value) { return static_cast<float>(value); });
}

template <class T>
std::vector<std::int32_t> checked_to_i32(const SafetensorsEntry& entry) {
  return convert_all<T, std::int32_t>(entry.bytes, [&](T value) {
    if (!std::in_range<std::int32_t>(value)) {
      throw DataError(message("[", quoted_name(entry.name), "] expected integers of 32 bits, got ", value));
    }
    return static_cast<std::int32_t>(value);
  });
}

}  // namespace

std::vector<float> to_f32(const SafetensorsEntry& entry) {
  switch (entry.dtype) {
    case FileDType::kBool:
    case FileDType::kU8:
      return cast_to_f32<std::uint8_t>(entry.bytes);
    case FileDType::kI8:
      return cast_to_f32<std::int8_t>(entry.bytes);
    case FileDType::kF8E5M2:
      return convert_all<std::uint8_t, float>(entry.bytes, f8_e5m2_to_f32);
    case FileDType::kF8E4M3:
      return convert_all<std::uint8_t, float>(entry.bytes, f8_e4m3_to_f32);
    case FileDType::kF8E8M0:
      return convert_all<std::uint8_t, float>(entry.bytes, f8_e8m0_to_f32);
    case FileDType::kI16:
      return cast_to_f32<std::int16_t>(entry.bytes);
    case FileDType::kU16:
      return cast_to_f32<std::uint16_t>(entry.bytes);
    case FileDType::kF16:
      return convert_all<std::uint16_t, float>(entry.bytes, f16_to_f32);
    case FileDType::kBF16:
      return convert_all<std::uint16_t, float>(entry.bytes, bf16_to_f32);
    case FileDType::kI32:
      return cast_to_f32<std::int32_t>(entry.bytes);
    case FileDType::kU32:
      return cast_to_f32<std::uint32_t>(entry.bytes);
    case FileDType::kF32:
      return cast_to_f32<float>(entry.bytes);
    case FileDType::kF64:
      return cast_to_f32<double>(entry.bytes);
    case FileDType::kI64:
      return cast_to_f32<std::int64_t>(entry.bytes);
    case FileDType::kU64:
      return cast_to_f32<std::uint64_t>(entry.bytes);
    case FileDType::kF4:
    case FileDType::kF6E2M3:
    case FileDType::kF6E3M2:
    case FileDType::kF8E4M3FNUZ:
    case FileDType::kF8E5M2FNUZ:
    case FileDType::kC64:
      break;
  }
  throw DataError(message("[", quoted_name(entry.name), "] expected real numbers of a type that is read, got ",
                          file_dtype_name(entry.dtype)));
}

std::vector<std::int32_t> to_i32(const SafetensorsEntry& entry) {
  switch (entry.dtype) {
    case FileDType::kBool:
    case FileDType::kU8:
      return checked_to_i32<std::uint8_t>(entry);
    case FileDType::kI8:
      return checked_to_i32<std::int8_t>(entry);
    case FileDType::kI16:
      return checked_to_i32<std::int16_t>(entry);
    case FileDType::kU16:
      return checked_to_i32<std::uint16_t>(entry);
    case FileDType::kI32:
      return checked_to_i32<std::int32_t>(entry);
    case FileDType::kU32:
      return checked_to_i32<std::uint32_t>(entry);
    case FileDType::kI64:
      return checked_to_i32<std::int64_t>(entry);
    case FileDType::kU64:
      return checked_to_i32<std::uint64_t>(entry);
    default:
      throw DataError(message("[", quoted_name(entry.name), "] expected integers, got ", file_dtype_name(entry.dtype)));
  }
}

Bytes f32_to_f16_bytes(std::span<const float> values) {
  Bytes out(values.size() * 2);
  for (std::size_t i = 0; i < values.size(); ++i) store_le(out.data() + 2 * i, f32_to_f16(values[i]));
  return out;
}

Bytes f32_to_bf16_bytes(std::span<const float> values) {
  Bytes out(values.size() * 2);
  for (std::size_t i = 0; i < values.size(); ++i) store_le(out.data() + 2 * i, f32_to_bf16(values[i]));
  return out;
}

}  // namespace engram::io
