#pragma once
/// CUDA's function and variable qualifiers, as far as the host compiler needs them.

// Kernels are called through pointers; as functions of their own they keep their names in reports.
#define __global__ __attribute__((noinline))
#define __device__
#define __host__
// Read-only tables with an initialiser only: there is no cudaMemcpyToSymbol.
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __grid_constant__
// The launch's own copy, as on the GPU; by value each thread would get one.
#define EMU_GRID_CONSTANT(...) const __VA_ARGS__&

#if !defined(__clang__)
#define __builtin_assume(condition) ((void)0)
#endif

/// Code that the thread sanitizer's instrumentation must leave alone (no_sanitize would keep Clang's atomics).
#if defined(__clang__)
#define EMU_UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define EMU_UNINSTRUMENTED __attribute__((no_sanitize("thread")))
#endif

/// 1 where the file's accesses are instrumented for the checker and the counters.
#if defined(__SANITIZE_THREAD__)
#define EMU_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EMU_INSTRUMENTED 1
#endif
#endif
#if !defined(EMU_INSTRUMENTED)
#define EMU_INSTRUMENTED 0
#endif
