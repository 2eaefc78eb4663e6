#pragma once
/// float4 and its relatives, dim3. The aligned ones (two and four components) are copied as a whole: one access of
/// their full size, as the GPU's vector loads and stores are. Access to one component is an access of the component's
/// size.

#include <cstddef>
#include <cstring>

#include "emulator/dialect/keywords.h"

namespace emu {

/// Copies `bytes` bytes as one access for the checker and the counters (instrumented files only).
void copy_vector(void* to, const void* from, std::size_t bytes);

/// The copy of a vector type.
template <class Vector>
__forceinline__ void copy_whole(Vector* to, const Vector* from) {
#if EMU_INSTRUMENTED
  copy_vector(to, from, sizeof(Vector));
#else
  std::memcpy(static_cast<void*>(to), from, sizeof(Vector));
#endif
}

}  // namespace emu

#define EMU_VECTOR_COPIES(name)                        \
  name() = default;                                    \
  __forceinline__ name(const name& other) {            \
    emu::copy_whole(this, &other);                     \
  }                                                    \
  __forceinline__ name& operator=(const name& other) { \
    emu::copy_whole(this, &other);                     \
    return *this;                                      \
  }

#define EMU_VECTOR_TYPES(type, base, align2, align4)                                      \
  struct base##1 {                                                                        \
    type x;                                                                               \
  };                                                                                      \
  struct alignas(align2) base##2 {                                                        \
    type x, y;                                                                            \
    EMU_VECTOR_COPIES(base##2)                                                            \
    constexpr base##2(type x_, type y_) : x(x_), y(y_) {}                                 \
  };                                                                                      \
  struct base##3 {                                                                        \
    type x, y, z;                                                                         \
  };                                                                                      \
  struct alignas(align4) base##4 {                                                        \
    type x, y, z, w;                                                                      \
    EMU_VECTOR_COPIES(base##4)                                                            \
    constexpr base##4(type x_, type y_, type z_, type w_) : x(x_), y(y_), z(z_), w(w_) {} \
  };                                                                                      \
  constexpr base##1 make_##base##1(type x) {                                              \
    return {x};                                                                           \
  }                                                                                       \
  __forceinline__ base##2 make_##base##2(type x, type y) {                                \
    return base##2(x, y);                                                                 \
  }                                                                                       \
  constexpr base##3 make_##base##3(type x, type y, type z) {                              \
    return {x, y, z};                                                                     \
  }                                                                                       \
  __forceinline__ base##4 make_##base##4(type x, type y, type z, type w) {                \
    return base##4(x, y, z, w);                                                           \
  }

EMU_VECTOR_TYPES(signed char, char, 2, 4)
EMU_VECTOR_TYPES(unsigned char, uchar, 2, 4)
EMU_VECTOR_TYPES(short, short, 4, 8)
EMU_VECTOR_TYPES(unsigned short, ushort, 4, 8)
EMU_VECTOR_TYPES(int, int, 8, 16)
EMU_VECTOR_TYPES(unsigned, uint, 8, 16)
EMU_VECTOR_TYPES(long long, longlong, 16, 16)
EMU_VECTOR_TYPES(unsigned long long, ulonglong, 16, 16)
EMU_VECTOR_TYPES(float, float, 8, 16)
EMU_VECTOR_TYPES(double, double, 16, 16)
#undef EMU_VECTOR_TYPES

/// Extents of a grid or a block.
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
