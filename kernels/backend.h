#pragma once
/// One back end: the entry points of every kernel family. The CPU back end is linked in; a CUDA back end is a second
/// value of this struct, with device pointers in the same argument structs.

#include "kernels/elementwise/elementwise.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resample/resample.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels {

struct Backend {
  const char* name;
  const ElementwiseKernels& elementwise;
  const PoolKernels& pool;
  const ReduceKernels& reduce;
  const ResampleKernels& resample;
  const StridedCopyKernels& strided_copy;
};

/// The CPU back end.
const Backend& cpu_backend();

}  // namespace engram::kernels
