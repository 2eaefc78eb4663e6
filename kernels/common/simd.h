#pragma once
/// Sixteen-lane f32 vectors in GCC's vector extension, and run-time choice of the instruction set.
///
/// A function marked ENGRAM_MULTIVERSION is compiled for AVX-512, AVX2 and the baseline, and the loader picks one, so a
/// binary needs no `-march` flag. Rules: mark plain, non-template, non-inline functions only; put the OpenMP loop in the
/// caller (outlined parallel bodies are not cloned); helpers they call are `ENGRAM_ALWAYS_INLINE`.

#include <cmath>
#include <cstdint>

#include "kernels/common/types.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ENGRAM_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ENGRAM_MULTIVERSION
#endif
#define ENGRAM_ALWAYS_INLINE inline __attribute__((always_inline))

namespace engram::kernels {

/// 16 f32 lanes; loads and stores need no alignment.
typedef float Vec16 __attribute__((vector_size(64), aligned(4), may_alias));
/// Lane mask: -1 or 0 in each lane.
typedef std::int32_t Mask16 __attribute__((vector_size(64), aligned(4), may_alias));

ENGRAM_ALWAYS_INLINE Vec16 load16(const float* p) { return *reinterpret_cast<const Vec16*>(p); }
ENGRAM_ALWAYS_INLINE void store16(float* p, Vec16 v) { *reinterpret_cast<Vec16*>(p) = v; }
ENGRAM_ALWAYS_INLINE Vec16 broadcast16(float v) { return Vec16{} + v; }

}  // namespace engram::kernels
