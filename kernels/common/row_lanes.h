#pragma once
/// Walks a row of any length in sixteen-lane vectors. All helpers inline.

#include "kernels/common/vec_math.h"

namespace engram::kernels {

/// Calls body(i, lanes) over [begin, end); lanes is 16 except in the last call.
template <class Body>
ENGRAM_ALWAYS_INLINE void for_lanes(dim_t begin, dim_t end, const Body& body) {
  dim_t i = begin;
  for (; i + 16 <= end; i += 16) body(i, dim_t(16));
  if (i < end) body(i, end - i);
}

/// The first `lanes` values of `p`; the other lanes are `fill`.
template <class V = Float16>
ENGRAM_ALWAYS_INLINE V load_lanes(const float* p, dim_t lanes, float fill = 0) {
  return lanes == 16 ? load16<V>(p) : load_partial16<V>(p, lanes, fill);
}

template <class V>
ENGRAM_ALWAYS_INLINE void store_lanes(float* p, V v, dim_t lanes) {
  if (lanes == 16) {
    store16(p, v);
  } else {
    store_partial16(p, v, lanes);
  }
}

}  // namespace engram::kernels
