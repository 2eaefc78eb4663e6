#pragma once
/// Plain types shared by every kernel family and by the layers above.

#include <cstddef>
#include <cstdint>

namespace engram {

/// Extents, strides and element counts.
using dim_t = std::int64_t;

/// Largest rank that strided kernels and tensors support.
inline constexpr int kMaxRank = 6;

/// Channel block of the CPU activation layout: one AVX-512 vector of f32 per pixel.
inline constexpr dim_t kCpuChannelBlock = 16;

/// Element types. `kBF16` is storage only for now: it converts to and from f32, and no kernel computes in it.
enum class DType : std::uint8_t { kF32, kI32, kU8, kBF16 };

/// Size of one element in bytes.
constexpr std::size_t dtype_bytes(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kBF16:
      return 2;
    case DType::kU8:
      return 1;
  }
  return 0;
}

/// Short name: "f32", "i32", "u8", "bf16".
constexpr const char* dtype_name(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "f32";
    case DType::kI32:
      return "i32";
    case DType::kU8:
      return "u8";
    case DType::kBF16:
      return "bf16";
  }
  return "?";
}

}  // namespace engram
