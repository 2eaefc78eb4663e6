#pragma once
/// threadIdx, blockIdx, blockDim, gridDim, warpSize. The engine sets them before it runs a thread.

#include "emulator/dialect/vector_types.h"

inline constinit thread_local uint3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};
inline constinit thread_local dim3 blockDim{}, gridDim{};
inline constexpr int warpSize = 32;
