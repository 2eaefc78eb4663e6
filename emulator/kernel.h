#pragma once
/// What a kernel source file includes: one text, two compilers. Under nvcc this is a thin veneer over CUDA; under a
/// plain C++20 compiler the same kernels run on the emulator, one fiber a CUDA thread.
///
/// - EMU_LAUNCH(kernel, grid, block, smem_bytes, stream, args...): launch; template kernels in parentheses, (f<4,
/// true>)
/// - EMU_SHARED(float, tile, [32][33]): static shared array `tile`; at the top of a kernel
/// - EMU_DYNAMIC_SHARED(float, scratch): `scratch` points to the dynamic shared memory, 16-byte aligned;
///   EMU_DYNAMIC_SHARED_1024 aligns to 1024 bytes
/// - EMU_GRID_CONSTANT(type) argument: a large parameter that all threads read, const __grid_constant__
/// - namespace tensor: mma, ldmatrix, asynchronous copies (device/tensor.h says what each does)
///
/// Everything else is CUDA's own spelling (threadIdx, __syncthreads, __shfl_xor_sync, atomicAdd, float4, __half).
/// Cooperative groups have a header of their own, emulator/cooperative_groups.h. EMU_HOST is 1 where the emulator
/// compiles, 0 under nvcc. A file that includes this must not include headers of the CUDA toolkit itself.

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>

#define EMU_HOST 0
#define EMU_LAUNCH(kernel, grid, block, smem_bytes, stream, ...) \
  (kernel<<<(grid), (block), (smem_bytes), (stream)>>>(__VA_ARGS__))
#define EMU_SHARED(type, name, ...) __shared__ type name __VA_ARGS__
#define EMU_GRID_CONSTANT(...) const __grid_constant__ __VA_ARGS__
#define EMU_DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(16) unsigned char emu_dynamic_shared_[]; \
  type* const name = reinterpret_cast<type*>(emu_dynamic_shared_)
#define EMU_DYNAMIC_SHARED_1024(type, name)                                   \
  extern __shared__ __align__(1024) unsigned char emu_dynamic_shared_1024_[]; \
  type* const name = reinterpret_cast<type*>(emu_dynamic_shared_1024_)
#include "emulator/device/tensor.h"
#else
#define EMU_HOST 1
#include "emulator/dialect/atomics.h"
#include "emulator/dialect/builtins.h"
#include "emulator/dialect/half.h"
#include "emulator/dialect/keywords.h"
#include "emulator/dialect/launch.h"
#include "emulator/dialect/math.h"
#include "emulator/dialect/shared.h"
#include "emulator/dialect/sync.h"
#include "emulator/dialect/tensor.h"
#include "emulator/dialect/vector_types.h"
#include "emulator/dialect/warp.h"
#include "emulator/runtime_api.h"
#endif
