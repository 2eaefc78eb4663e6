#pragma once
/// index_select and index_add whose index is not looked at on the host, so that nothing waits and work with them can be
/// captured. For indices that the program made itself: an entry out of range reads or writes other memory. f32 and i32
/// as there; differentiable to any order. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// index_select(x, axis, index) of an index (i32 [K]) that is known to lie in [0, x.dim(axis)).
Tensor select_known(const Tensor& x, int axis, const Tensor& index);

/// index_add(x, 0, index, extent) of an index (i32 [x.dim(0)]) that is known to lie in [0, extent).
Tensor add_known(const Tensor& x, const Tensor& index, dim_t extent);

}  // namespace engram
