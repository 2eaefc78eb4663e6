#pragma once
/// Which points of a row of a tile of inner products may lie within a ball. Host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A point x against `count` points y_j, given by their inner products: v_j = |y_j|^2 - 2 x y_j is the squared distance
/// less |x|^2. Index j is a hit where v_j < bound (a ball around x), or, with `reach`, where v_j < reach_j + shift (a
/// ball around y_j). Values that are not a number are no hit.
struct BallScanArgs {
  const float* product;          ///< [count]
  const float* norm;             ///< [count]: |y_j|^2
  const float* reach = nullptr;  ///< [count], or null
  dim_t count;
  float bound;
  float shift = 0;
  std::int32_t* hits;  ///< [count]: the indices of the hits, ascending
  dim_t* num_hits;
};

/// Entry points of one back end.
struct BallScanKernels {
  void (*scan)(Stream, const BallScanArgs&);
};

/// Inputs read once; five operations a point.
Cost ball_scan_cost(dim_t count, bool reach);

/// The CPU back end.
extern const BallScanKernels kCpuBallScan;

/// Point by point: the oracle of the tests.
namespace reference {
void ball_scan(const BallScanArgs& args);
}  // namespace reference

}  // namespace engram::kernels
