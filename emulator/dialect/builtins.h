#pragma once
/// threadIdx, blockIdx, blockDim, gridDim, warpSize. The engine sets them before it runs a thread.

#include "emulator/dialect/vector_types.h"

// In the static block, which a plug-in does not use by itself: every access would be a call there.
#define EMU_STATIC_TLS __attribute__((tls_model("initial-exec")))
inline constinit thread_local uint3 threadIdx EMU_STATIC_TLS{0, 0, 0}, blockIdx EMU_STATIC_TLS{0, 0, 0};
inline constinit thread_local dim3 blockDim EMU_STATIC_TLS{}, gridDim EMU_STATIC_TLS{};
inline constexpr int warpSize = 32;
