#pragma once
/// Scratch memory that grows and is kept. Threads: none are made.

#include <vector>

#include "kernels/common/types.h"

namespace engram::survival {

/// Makes `v` at least `size` long.
template <class T>
void ensure_size(std::vector<T>& v, dim_t size) {
  if (dim_t(v.size()) < size) v.resize(std::size_t(size));
}

}  // namespace engram::survival
