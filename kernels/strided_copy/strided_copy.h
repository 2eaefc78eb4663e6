#pragma once
/// Copies and additions between strided views: the work behind permute, contiguous, slice, concat, pad and broadcast.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// y[i] = x[i] over `shape`. Elements of `element_bytes` (1, 2 or 4); strides in elements.
/// `stride_x` may hold 0 (broadcast) and negative values (reversed axes); distinct positions of y are distinct
/// elements. x and y do not overlap.
struct StridedCopyArgs {
  const void* x;
  void* y;
  int element_bytes;
  int rank;
  dim_t shape[kMaxRank];
  dim_t stride_x[kMaxRank];
  dim_t stride_y[kMaxRank];
};

/// y[i] += x[i] over `shape`, f32. Strides as in StridedCopyArgs.
struct StridedAddArgs {
  const float* x;
  float* y;
  int rank;
  dim_t shape[kMaxRank];
  dim_t stride_x[kMaxRank];
  dim_t stride_y[kMaxRank];
};

/// Entry points of one back end.
struct StridedCopyKernels {
  void (*copy)(Stream, const StridedCopyArgs&);
  void (*add)(Stream, const StridedAddArgs&);
};

/// Every position read once and written once.
Cost strided_copy_cost(const StridedCopyArgs& args);
/// Both operands read, one written; one operation a position.
Cost strided_add_cost(const StridedAddArgs& args);

/// The CPU back end.
extern const StridedCopyKernels kCpuStridedCopy;
/// The CUDA back end; defined where its kernels are linked.
extern const StridedCopyKernels kCudaStridedCopy;

/// Plain loops: the oracle of the tests.
namespace reference {
void strided_copy(const StridedCopyArgs& args);
/// As StridedCopyKernels::add in double.
void strided_add(const double* x, double* y, int rank, const dim_t* shape, const dim_t* stride_x,
                 const dim_t* stride_y);
}  // namespace reference

}  // namespace engram::kernels
