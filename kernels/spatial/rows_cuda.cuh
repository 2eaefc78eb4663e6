#pragma once
/// Moves of whole rows by an index, on CUDA.

#include "kernels/spatial/spatial.h"

namespace engram::kernels::cuda {

/// As the members of SpatialKernels.
void gather_rows(Stream stream, const GatherRowsArgs& args);
void scatter_add_rows(Stream stream, const ScatterAddRowsArgs& args);
void first_out_of_range(Stream stream, const FirstOutOfRangeArgs& args);

}  // namespace engram::kernels::cuda
