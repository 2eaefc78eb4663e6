#pragma once
/// Qualifiers of functions that host and device code share.

#define ENGRAM_ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__CUDACC__)
#define ENGRAM_HOST_DEVICE __host__ __device__
#else
#define ENGRAM_HOST_DEVICE
#endif
