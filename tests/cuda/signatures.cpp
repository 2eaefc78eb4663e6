/// Compiles only if the headers declare what signatures.inc lists: the emulator's, or with TOOLKIT the CUDA toolkit's.

#include <cstddef>

#if defined(TOOLKIT)
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#else
#include "emulator/cublas.h"
#include "emulator/cudnn.h"
#endif

// Some names of the toolkit are overloaded: the cast picks the listed one.
#define SIGNATURE(result, name, parameters) static_assert(sizeof(static_cast<result(*) parameters>(&name)) != 0, #name);
#define VALUE(name, number) static_assert(static_cast<long long>(name) == (number), #name);
#include "tests/cuda/signatures.inc"

// The lists of algorithms are filled by the library, so their layout counts.
static_assert(sizeof(cudnnConvolutionFwdAlgoPerf_t) == 48 && offsetof(cudnnConvolutionFwdAlgoPerf_t, memory) == 16 &&
              offsetof(cudnnConvolutionFwdAlgoPerf_t, determinism) == 24 &&
              offsetof(cudnnConvolutionFwdAlgoPerf_t, mathType) == 28);
static_assert(sizeof(cudnnConvolutionBwdDataAlgoPerf_t) == sizeof(cudnnConvolutionFwdAlgoPerf_t));
static_assert(sizeof(cudnnConvolutionBwdFilterAlgoPerf_t) == sizeof(cudnnConvolutionFwdAlgoPerf_t));
