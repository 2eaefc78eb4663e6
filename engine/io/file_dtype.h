#pragma once
/// Element types of tensors in files, which are more than those the engine computes with.
/// Threads: any may call, also at the same time.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace engram::io {

/// The element types of the safetensors format, in the order in which its reference writer sorts them (the wider the
/// later, so that data sorted by descending type is aligned).
enum class FileDType : std::uint8_t {
  kBool,    ///< one byte, 0 or 1
  kF4,      ///< two a byte (OCP MX)
  kF6E2M3,  ///< four in three bytes (OCP MX)
  kF6E3M2,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kF8E8M0,
  kF8E4M3FNUZ,  ///< one NaN, no negative zero, no infinity
  kF8E5M2FNUZ,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kC64,  ///< two f32: real, imaginary
  kF64,
  kI64,
  kU64,
};

/// Size of one element in bits.
std::size_t file_dtype_bits(FileDType dtype);

/// Whether to_f32 takes the type: real numbers of whole bytes, without the FNUZ forms.
bool is_readable(FileDType dtype);

/// The format's name: "F32", "BF16", "BOOL", ...
std::string_view file_dtype_name(FileDType dtype);

/// The inverse of file_dtype_name; nothing for a name that is not in the list.
std::optional<FileDType> file_dtype_from_name(std::string_view name);

}  // namespace engram::io
