#pragma once
/// Sixteen-lane f32 vectors in GCC's vector extension, and run-time choice of the instruction set.
///
/// A function marked ENGRAM_MULTIVERSION is compiled for AVX-512, AVX2 and the baseline, and the loader picks one, so a
/// binary needs no `-march` flag. Rules: mark plain, non-template, non-inline functions only; put the OpenMP loop in
/// the caller (outlined parallel bodies are not cloned); helpers they call are `ENGRAM_ALWAYS_INLINE`.

#include <cmath>
#include <cstdint>

#include "kernels/common/inline.h"
#include "kernels/common/types.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define ENGRAM_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else  // the loader would choose before ThreadSanitizer is ready
#define ENGRAM_MULTIVERSION
#endif

namespace engram::kernels {

/// 16 f32 lanes; loads and stores need no alignment.
typedef float Vec16 __attribute__((vector_size(64), aligned(4), may_alias));
/// Lane mask: -1 or 0 in each lane.
typedef std::int32_t Mask16 __attribute__((vector_size(64), aligned(4), may_alias));

ENGRAM_ALWAYS_INLINE Vec16 load16(const float* p) {
  return *reinterpret_cast<const Vec16*>(p);
}
ENGRAM_ALWAYS_INLINE void store16(float* p, Vec16 v) {
  *reinterpret_cast<Vec16*>(p) = v;
}
ENGRAM_ALWAYS_INLINE Vec16 broadcast16(float v) {
  return Vec16{} + v;
}

/// Sum of the 16 lanes, added as a tree.
ENGRAM_ALWAYS_INLINE float sum_lanes16(Vec16 v) {
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
  return v[0] + v[1];
}

/// Transposes the 16 x 16 matrix whose rows are `v`: four perfect shuffles.
ENGRAM_ALWAYS_INLINE void transpose16(Vec16 (&v)[16]) {
#pragma GCC unroll 4
  for (int round = 0; round < 4; ++round) {
    Vec16 t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      t[2 * i] = __builtin_shufflevector(v[i], v[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      t[2 * i + 1] =
          __builtin_shufflevector(v[i], v[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) v[i] = t[i];
  }
}

}  // namespace engram::kernels
