#include <cstring>

#include "kernels/common/cuda/map_range.cuh"
#include "kernels/elementwise/convert_cuda.cuh"

namespace engram::kernels::cuda {
namespace {

/// bf16 as storage.
struct Bf16 {
  std::uint16_t bits;
};

__device__ __forceinline__ float widened(float x) {
  return x;
}
__device__ __forceinline__ float widened(std::int32_t x) {
  return float(x);
}
__device__ __forceinline__ float widened(std::uint8_t x) {
  return float(x);
}
__device__ __forceinline__ float widened(Bf16 x) {
  return __uint_as_float(std::uint32_t(x.bits) << 16);
}

__device__ __forceinline__ void convert_value(float x, float& y) {
  y = x;
}
__device__ __forceinline__ void convert_value(float x, Bf16& y) {
  const std::uint32_t bits = __float_as_uint(x);
  y.bits = x != x ? std::uint16_t((bits >> 16) | 0x40)  // stays a NaN
                  : std::uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
__device__ __forceinline__ void convert_value(float x, std::int32_t& y) {
  y = x != x ? 0 : x >= 2147483648.f ? INT32_MAX : x <= -2147483648.f ? INT32_MIN : std::int32_t(x);
}
__device__ __forceinline__ void convert_value(float x, std::uint8_t& y) {
  y = x != x ? 0 : x >= 255.f ? 255 : x <= 0.f ? 0 : std::uint8_t(x);
}

/// Integers do not go through f32 to integers: it would round them.
template <class X, class Y>
__device__ __forceinline__ Y converted(X x) {
  if constexpr (std::is_integral_v<X> && std::is_integral_v<Y>) {
    if constexpr (sizeof(Y) < sizeof(X)) return Y(x < 0 ? 0 : x > 255 ? 255 : x);
    return Y(x);
  } else {
    Y y;
    convert_value(widened(x), y);
    return y;
  }
}

/// The machine word of four elements of a size.
template <int kBytes>
struct Word;
template <>
struct Word<1> {
  using Type = unsigned;
};
template <>
struct Word<2> {
  using Type = uint2;
};
template <>
struct Word<4> {
  using Type = uint4;
};

template <class X, class Y>
__global__ void __launch_bounds__(kMapThreads) convert_kernel(const X* x, Y* y, dim_t count, bool vectors) {
  using XWord = typename Word<sizeof(X)>::Type;
  using YWord = typename Word<sizeof(Y)>::Type;
  const MapTile tile = map_tile(count);
  const int packs = vectors ? tile.count / 4 : 0;
  x += tile.begin;
  y += tile.begin;
  for (int at = int(threadIdx.x); at < packs; at += kMapThreads) {
    const XWord from = reinterpret_cast<const XWord*>(x)[at];
    X in[4];
    Y out[4];
    std::memcpy(in, &from, sizeof(from));
    for_lanes<4>([&](int lane) { out[lane] = converted<X, Y>(in[lane]); });
    YWord to;
    std::memcpy(static_cast<void*>(&to), out, sizeof(to));
    reinterpret_cast<YWord*>(y)[at] = to;
  }
  for (int i = 4 * packs + int(threadIdx.x); i < tile.count; i += kMapThreads) y[i] = converted<X, Y>(x[i]);
}

template <class X, class Y>
void launch(Stream stream, const ConvertArgs& args) {
  const bool vectors = reinterpret_cast<std::uintptr_t>(args.x) % (4 * sizeof(X)) == 0 &&
                       reinterpret_cast<std::uintptr_t>(args.y) % (4 * sizeof(Y)) == 0;
  ENGRAM_LAUNCH((convert_kernel<X, Y>), grid_of(ceil_div(args.count, kMapTile)), kMapThreads, 0, stream,
                static_cast<const X*>(args.x), static_cast<Y*>(args.y), args.count, vectors);
}

template <class X>
void launch_from(Stream stream, const ConvertArgs& args) {
  switch (args.y_dtype) {
    case DType::kF32:
      return launch<X, float>(stream, args);
    case DType::kI32:
      return launch<X, std::int32_t>(stream, args);
    case DType::kU8:
      return launch<X, std::uint8_t>(stream, args);
    case DType::kBF16:
      return launch<X, Bf16>(stream, args);
  }
}

}  // namespace

void convert(Stream stream, const ConvertArgs& args) {
  if (args.count == 0) return;
  switch (args.x_dtype) {
    case DType::kF32:
      return launch_from<float>(stream, args);
    case DType::kI32:
      return launch_from<std::int32_t>(stream, args);
    case DType::kU8:
      return launch_from<std::uint8_t>(stream, args);
    case DType::kBF16:
      return launch_from<Bf16>(stream, args);
  }
}

}  // namespace engram::kernels::cuda
