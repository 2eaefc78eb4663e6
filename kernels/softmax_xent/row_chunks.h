#pragma once
/// What the CPU kernels on [rows, classes] share: chunks of rows, and the statistics of a row.

#include <algorithm>
#include <limits>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"

namespace engram::kernels {

/// About 16k values a chunk, so that ten-class rows are not handed out one by one.
inline dim_t rows_per_chunk(dim_t classes) {
  return std::max<dim_t>(1, 16384 / std::max<dim_t>(1, classes));
}

/// Calls rows(args, begin, end) for chunks of the rows [0, args.rows) in parallel.
template <class Args>
void for_row_chunks(const Args& args, void (*rows)(const Args&, dim_t, dim_t)) {
  const dim_t chunk = rows_per_chunk(args.classes);
  // About sixteen operations a value: an exponential costs far more than a copy.
  parallel_for((args.rows + chunk - 1) / chunk, chunk * args.classes * 16,
               [&](dim_t i) { rows(args, i * chunk, std::min(args.rows, (i + 1) * chunk)); });
}

/// m = max x and l = log sum exp((x - m) / T).
struct RowStats {
  float max, log_sum;
};

template <class V>
ENGRAM_ALWAYS_INLINE float row_max(const float* x, dim_t classes) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  V largest = splat<V>(kLowest);
  for_lanes(
      0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
        largest = max16(largest, load_lanes<V>(x + c, lanes, kLowest));
      });
  return max_lanes(largest);
}

/// sum exp((x - max) / T).
template <class V>
ENGRAM_ALWAYS_INLINE float row_exp_sum(const float* x, dim_t classes, float max, float inverse_t) {
  V sum = {};
  for_lanes(
      0, classes, [&](dim_t c, dim_t lanes) __attribute__((always_inline)) {
        sum += normal_exp16((load_lanes<V>(x + c, lanes, -std::numeric_limits<float>::infinity()) - max) * inverse_t);
      });
  return sum_lanes(sum);
}

template <class V>
ENGRAM_ALWAYS_INLINE RowStats row_statistics(const float* x, dim_t classes, float inverse_t) {
  const float max = row_max<V>(x, classes);
  return {max, std::log(row_exp_sum<V>(x, classes, max, inverse_t))};
}

}  // namespace engram::kernels
