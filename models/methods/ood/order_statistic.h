#pragma once
/// Order statistics of rows, by counting: for thresholds of masks. Nothing here is differentiable or waits for the
/// device. Costs width^2 comparisons a row.

#include "engine/tensor.h"

namespace engram {

/// The value [rows,1] at position `k` (from 0) of each row of x [rows,width] in ascending order. Throws UsageError for
/// a position outside the row.
Tensor order_statistic(const Tensor& x, dim_t k);

/// The percentile `percent` of each row [rows,1], linearly interpolated between its neighbours (numpy.percentile).
/// Throws UsageError for one outside [0, 100].
Tensor row_percentile(const Tensor& x, double percent);

}  // namespace engram
