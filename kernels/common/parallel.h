#pragma once
/// Loops over the OpenMP team that oneDNN uses too.

#include <omp.h>

#include <algorithm>

#include "kernels/common/types.h"

namespace engram::kernels {

/// Calls `body(i)` for i in [0, count), each exactly once, on the OpenMP team with a static schedule.
/// Work must be split by the problem only, never by the number of threads: then results do not depend on it.
/// `body` must not throw and must not call oneDNN. `work_per_item` (elements touched by one call) keeps small loops
/// serial.
template <class Body>
void parallel_for(dim_t count, dim_t work_per_item, const Body& body) {
  constexpr dim_t kSerialBelow = 16384;
  if (count <= 1 || count * work_per_item < kSerialBelow) {
    for (dim_t i = 0; i < count; ++i) body(i);
    return;
  }
#pragma omp parallel for schedule(static)
  for (dim_t i = 0; i < count; ++i) body(i);
}

/// As parallel_for, but each thread takes the next item when it is free: for items large enough that a disturbed core
/// would hold up the others. Calls `body(i, thread)`; `thread` is for scratch memory only.
template <class Body>
void parallel_items(dim_t count, const Body& body) {
#pragma omp parallel for schedule(dynamic)
  for (dim_t i = 0; i < count; ++i) body(i, omp_get_thread_num());
}

/// Splits [0, count) into chunks of `chunk` elements and calls `body(begin, end, chunk_index)` for each, in parallel.
template <class Body>
void parallel_chunks(dim_t count, dim_t chunk, const Body& body) {
  const dim_t num_chunks = (count + chunk - 1) / chunk;
  parallel_for(num_chunks, chunk, [&](dim_t i) { body(i * chunk, std::min(count, (i + 1) * chunk), i); });
}

}  // namespace engram::kernels
