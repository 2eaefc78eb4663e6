#pragma once
/// Reductions of a strided f32 tensor over some of its axes: sums and extremes, with or without the position.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// What the reduced axes are folded with.
enum class ReduceOp {
  kSum,         ///< scale * sum of x
  kSumSquares,  ///< scale * sum of x^2
  kMax,
  kMin,
};

/// y[k] = fold over r of x[k, r], k over the kept axes, r over the reduced axes.
/// `x` is strided (in elements, 0 and negative allowed). `y` and `index` are dense row-major over the kept axes; either
/// may be null. `index` (kMax and kMin only) receives the row-major position within the reduced axes of the winner; the
/// lowest wins a tie. A NaN wins over every number; the first NaN counts. No reduced element: sums are 0, extremes are
/// not defined. kept_rank + reduced_rank may exceed kMaxRank, each alone may not. `workspace` has workspace_bytes(args)
/// bytes.
struct ReduceArgs {
  ReduceOp op;
  const float* x;
  float* y;
  std::int32_t* index;
  int kept_rank;
  dim_t kept_shape[kMaxRank];
  dim_t kept_stride[kMaxRank];
  int reduced_rank;
  dim_t reduced_shape[kMaxRank];
  dim_t reduced_stride[kMaxRank];
  double scale = 1;
  void* workspace = nullptr;
};

/// Entry points of one back end.
/// Sums add short runs in f32 and those in double, in an order fixed by the extents: bits do not depend on the number
/// of threads.
struct ReduceKernels {
  void (*reduce)(Stream, const ReduceArgs&);
  /// Size of ReduceArgs::workspace; 0 is common. Pointers and scale are not looked at, except whether `index` is null.
  std::size_t (*workspace_bytes)(const ReduceArgs&);
};

/// Every input read, every output written; one operation an input (two for kSumSquares).
Cost reduce_cost(const ReduceArgs& args);

/// The CPU back end.
extern const ReduceKernels kCpuReduce;
/// The CUDA back end; defined where its kernels are linked.
extern const ReduceKernels kCudaReduce;

/// Plain loops in double: the oracle of the tests.
namespace reference {
/// As ReduceKernels::reduce with a double result; `index` may be null.
void reduce(const ReduceArgs& args, double* y, std::int32_t* index);
}  // namespace reference

}  // namespace engram::kernels
