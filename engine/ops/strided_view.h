#pragma once
/// How the reduction kernels see a tensor of any layout. Internal to engine/ops. Threads: as engine/tensor.h says.

#include <vector>

#include "engine/tensor.h"
#include "kernels/reduce/reduce.h"

namespace engram {

/// Which of `rank` axes are in `axes` (all when empty). Throws ShapeError naming `op` for an axis out of range or
/// twice.
std::vector<bool> axis_mask(const char* op, const std::vector<int>& axes, int rank);

/// Arguments of a reduction of `x` over the marked axes, `x` strided or blocked; the caller sets y, index and scale.
kernels::ReduceArgs reduce_args(kernels::ReduceOp op, const Tensor& x, const std::vector<bool>& reduced);

/// Runs the reduction with a workspace of the device.
void run_reduce(const char* name, kernels::ReduceArgs args, Device device);

}  // namespace engram
