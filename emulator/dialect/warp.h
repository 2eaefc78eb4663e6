#pragma once
/// Warp operations: the _sync forms of vote, shuffle, match and reduce.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulator/dialect/half.h"
#include "emulator/dialect/keywords.h"
#include "emulator/source_location.h"

namespace emu {

/// What the lanes of a mask do together.
enum class WarpOp : std::uint8_t {
  kSync,
  kShuffle,
  kShuffleUp,
  kShuffleDown,
  kShuffleXor,
  kBallot,
  kMatchAny,
  kMatchAll,
  kAdd,
  kMinUnsigned,
  kMaxUnsigned,
  kMinSigned,
  kMaxSigned,
  kAnd,
  kOr,
  kXor,
  // The value is the address of an operand record on the lane's stack (engine/tensor_operation.cpp).
  kMmaTf32,
  kMmaTf32K4,
  kMmaBf16,
  kMmaF16,
  kLdmatrix1,
  kLdmatrix2,
  kLdmatrix4,
  kLdmatrix1Trans,
  kLdmatrix2Trans,
  kLdmatrix4Trans
};

/// One lane's part of a warp operation: waits for the lanes in `mask` and returns this lane's result. `operand` is the
/// source lane, delta or lane mask of a shuffle of the given width.
std::uint64_t warp_operation(WarpOp op, unsigned mask, std::uint64_t value, int operand, int width,
                             SourceLocation caller);
/// Lane of the calling thread.
unsigned lane_id();
/// Lanes of the calling thread's warp that have not exited.
unsigned active_mask();

template <class T>
inline constexpr bool kShuffles =
    (std::is_arithmetic_v<T> && sizeof(T) >= 4 && sizeof(T) <= 8) || std::is_same_v<T, __half> ||
    std::is_same_v<T, __half2> || std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __nv_bfloat162>;

template <class T>
EMU_UNINSTRUMENTED std::uint64_t to_bits(const T& value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, static_cast<const void*>(&value), sizeof(T));
  return bits;
}

template <class T>
EMU_UNINSTRUMENTED T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
  return value;
}

template <class T>
EMU_UNINSTRUMENTED T shuffle(WarpOp op, unsigned mask, T value, int operand, int width, SourceLocation caller) {
  static_assert(kShuffles<T>, "CUDA shuffles 4- and 8-byte numbers, half and bfloat16");
  return from_bits<T>(warp_operation(op, mask, to_bits(value), operand, width, caller));
}

template <class T>
T reduce(WarpOp op, unsigned mask, T value, SourceLocation caller) {
  return T(warp_operation(op, mask, std::uint32_t(value), 0, 32, caller));
}

}  // namespace emu

inline void __syncwarp(unsigned mask = 0xffffffffu, EMU_CALLER) {
  emu::warp_operation(emu::WarpOp::kSync, mask, 0, 0, 32, caller);
}
inline unsigned __activemask() {
  return emu::active_mask();
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32, EMU_CALLER) {
  return emu::shuffle(emu::WarpOp::kShuffle, mask, value, lane, width, caller);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_CALLER) {
  return emu::shuffle(emu::WarpOp::kShuffleUp, mask, value, int(delta), width, caller);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_CALLER) {
  return emu::shuffle(emu::WarpOp::kShuffleDown, mask, value, int(delta), width, caller);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, EMU_CALLER) {
  return emu::shuffle(emu::WarpOp::kShuffleXor, mask, value, lane_mask, width, caller);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, EMU_CALLER) {
  return unsigned(emu::warp_operation(emu::WarpOp::kBallot, mask, predicate != 0, 0, 32, caller));
}
inline int __any_sync(unsigned mask, int predicate, EMU_CALLER) {
  return __ballot_sync(mask, predicate, caller) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EMU_CALLER) {
  return __ballot_sync(mask, !predicate, caller) == 0;
}

template <class T>
unsigned __match_any_sync(unsigned mask, T value, EMU_CALLER) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4 && sizeof(T) <= 8, "CUDA matches 4- and 8-byte numbers");
  return unsigned(emu::warp_operation(emu::WarpOp::kMatchAny, mask, emu::to_bits(value), 0, 32, caller));
}
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* predicate, EMU_CALLER) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4 && sizeof(T) <= 8, "CUDA matches 4- and 8-byte numbers");
  const auto same = unsigned(emu::warp_operation(emu::WarpOp::kMatchAll, mask, emu::to_bits(value), 0, 32, caller));
  *predicate = same != 0;
  return same;
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kAdd, mask, value, caller);
}
inline int __reduce_add_sync(unsigned mask, int value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kAdd, mask, value, caller);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kMinUnsigned, mask, value, caller);
}
inline int __reduce_min_sync(unsigned mask, int value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kMinSigned, mask, value, caller);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kMaxUnsigned, mask, value, caller);
}
inline int __reduce_max_sync(unsigned mask, int value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kMaxSigned, mask, value, caller);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kAnd, mask, value, caller);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kOr, mask, value, caller);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, EMU_CALLER) {
  return emu::reduce(emu::WarpOp::kXor, mask, value, caller);
}
