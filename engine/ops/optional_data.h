#pragma once
/// What kernels are told about tensors that may be missing. Internal to engine. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Data of a tensor, null when it is undefined.
inline float* data_or_null(const Tensor& x) {
  return x.defined() ? x.data<float>() : nullptr;
}

}  // namespace engram
