#pragma once
/// What a kernel source file that uses cooperative groups includes beside emulator/kernel.h. A header of its own:
/// CUDA's costs nvcc four seconds a file.

#if defined(__CUDACC__)
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
#else
#include "emulator/dialect/cooperative_groups.h"
#endif
